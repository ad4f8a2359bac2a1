# Flaw 3: only one failover step, and the fallback's own breaker is not looked at. R1, R3: every candidate is asked in turn.
# A fallback that is down too is no fallback.

config
  default tier3
  chain
  key visa -> visa
  defaults breaker.failures=1 breaker.open=60s
  placement visa endpoints=a fallback=tier1
  placement tier1 endpoints=a
  placement tier3 endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 500
      forward tier1/a dedicated closed after circuit_open
      opened tier1/a until 62s
3s  get visa 200
      forward tier3/a dedicated closed after circuit_open

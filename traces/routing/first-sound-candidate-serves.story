# R3: candidates are asked in order, and the first with an admissible endpoint and room serves.
# The header keeps the reason of the first one left, because that is where the trouble began.

config
  key visa -> visa
  defaults breaker.failures=1 breaker.open=60s
  placement visa endpoints=a fallback=spare,tier3
  placement spare endpoints=a
  placement tier3 endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 500
      forward spare/a dedicated closed after circuit_open
      opened spare/a until 62s
3s  get visa 200
      forward tier3/a dedicated closed after circuit_open

# Flaw 2: after failover, slot and outcome stay charged to the placement that was left, so a sound fallback closes the broken
# primary's breaker. R4: they belong to who served; only visa's own probe can close visa's breaker, and tier3's failures are tier3's.

config
  default tier3
  chain
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=60s
  placement tier3 endpoints=a limit=1 breaker.failures=1 breaker.open=60s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  arrive visa as r1
      forward tier3/a dedicated closed after circuit_open
2s  arrive visa as r2
      reject 429 limit tier3 dedicated after circuit_open
3s  finish r1 200
4s  get visa 500
      forward tier3/a dedicated closed after circuit_open
      opened tier3/a until 64s

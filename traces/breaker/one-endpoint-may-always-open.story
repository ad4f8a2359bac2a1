# R6: the share never rounds down to none: one endpoint of a placement can open whatever max_open says.
# Otherwise a small placement would have no breaker at all.

config
  key visa -> visa
  placement visa endpoints=a,b select=first breaker.failures=1 breaker.open=60s breaker.max_open=1%

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 500
      forward visa/b dedicated closed
      trip_capped visa/b open=1

# R6, R7: after its guard a probe's outcome is ignored, but its slot was held all the time, and its Finish frees it.
# The connection may well be there still; only its Finish says that it is gone.

config
  key visa -> visa
  placement visa endpoints=a limit=1 breaker.failures=1 breaker.open=5s connect=1s response_header=3s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  arrive visa as probe
      half_opened visa/a
      forward visa/a dedicated half_open probe
20s get visa 200
      opened visa/a until 16s at 11s
      reject 429 limit visa dedicated
21s finish probe 200
      ignored old_generation
22s get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
      closed visa/a

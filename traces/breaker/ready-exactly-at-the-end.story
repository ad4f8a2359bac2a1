# R6: an open breaker is ready when now >= until, not one nanosecond earlier.
# Two implementations that round differently would part ways here.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
5.999999999s get visa 200
      reject 503 circuit_open visa dedicated open visa/a
6s  get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
      closed visa/a

# R6: the window is that of a closed breaker. It is empty when the breaker closes again.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=1s breaker.failures=none breaker.failure_ratio=50% breaker.min_requests=2

1s  repeat 2 get visa 500
      2x forward visa/a dedicated closed
      opened visa/a until 2s by ratio
2s  get visa 500
      half_opened visa/a
      forward visa/a dedicated half_open probe
      opened visa/a until 3s
3s  get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
      closed visa/a
4s  get visa 500
      forward visa/a dedicated closed
5s  get visa 200
      forward visa/a dedicated closed
      opened visa/a until 6s by ratio

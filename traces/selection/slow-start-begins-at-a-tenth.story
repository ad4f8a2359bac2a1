# R10: an endpoint whose breaker closes gets a tenth of its requests, then more as time goes by, then all.
# A server that has just come back is cold; its full share at once takes it down again.

config
  key visa -> visa
  placement visa endpoints=a,b select=first slow_start=10s breaker.failures=1 breaker.open=1s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 2s
2s  get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
      closed visa/a
2s  repeat 20 get visa 200
      2x forward visa/b dedicated closed
      forward visa/a dedicated closed
      17x forward visa/b dedicated closed
7s  repeat 20 get visa 200
      4x forward visa/a dedicated closed
      4x forward visa/b dedicated closed
      forward visa/a dedicated closed
      2x forward visa/b dedicated closed
      6x forward visa/a dedicated closed
      2x forward visa/b dedicated closed
      forward visa/a dedicated closed
11.999999999s  repeat 5 get visa 200
      5x forward visa/a dedicated closed
12s  repeat 5 get visa 200
      5x forward visa/a dedicated closed

# R6: the window is the bucket of now and the nine before it. What is older is gone.
# Buckets of 1 s: the failures of second 0 leave with the first outcome at 10 s.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.failures=none breaker.failure_ratio=50% breaker.min_requests=4 breaker.window=10s

100ms  repeat 3 get visa 500
      3x forward visa/a dedicated closed
9999ms  tick
10s  repeat 3 get visa 200
      3x forward visa/a dedicated closed
10s  get visa 500
      forward visa/a dedicated closed
12s  get visa 500
      forward visa/a dedicated closed
14s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 19s by ratio

# R6: half of the outcomes in the window are failures, never two in a row.
# A count of failures in a row never sees a brown-out; the share does, once the window holds enough.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.failure_ratio=50% breaker.min_requests=8

1s  repeat 3 get visa 200
      3x forward visa/a dedicated closed
2s  get visa 500
      forward visa/a dedicated closed
3s  get visa 200
      forward visa/a dedicated closed
4s  get visa 500
      forward visa/a dedicated closed
5s  get visa 200
      forward visa/a dedicated closed
6s  get visa 500
      forward visa/a dedicated closed
7s  get visa 200
      forward visa/a dedicated closed
8s  get visa 500
      forward visa/a dedicated closed
9s  get visa 200
      forward visa/a dedicated closed
10s  get visa 500
      forward visa/a dedicated closed
11s  get visa 200
      forward visa/a dedicated closed
      opened visa/a until 16s by ratio
12s  get visa 500
      reject 503 circuit_open visa dedicated open visa/a

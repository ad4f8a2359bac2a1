# R6: a push that changes what is counted empties the window and makes older tickets old. Thresholds alone do not.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.failure_ratio=50% breaker.min_requests=4
config threshold
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.failure_ratio=60% breaker.min_requests=5
config window
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.failure_ratio=60% breaker.min_requests=5 breaker.window=20s

1s  repeat 3 get visa 500
      3x forward visa/a dedicated closed
2s  adopt threshold
      adopted 0.2
      ack 0.2
3s  arrive visa as old
      forward visa/a dedicated closed
4s  adopt window
      adopted 0.3
      ack 0.3
5s  finish old 500
      ignored old_generation
6s  repeat 4 get visa 500
      4x forward visa/a dedicated closed

# R6: at the last instant of its tenth bucket an old failure still counts.
# A window that forgot it a bucket early would be nine tenths of what is written.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.failures=none breaker.failure_ratio=50% breaker.min_requests=4 breaker.window=10s

100ms  repeat 3 get visa 500
      3x forward visa/a dedicated closed
9.999999999s  get visa 200
      forward visa/a dedicated closed
      opened visa/a until 14.999999999s by ratio

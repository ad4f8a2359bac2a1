# R6: no ratio trips below min_requests. Failures in a row are switched off here.
# One failure of one request is a hundred per cent, and says nothing.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.failures=none breaker.failure_ratio=50% breaker.min_requests=20

1s  repeat 19 get visa 500
      19x forward visa/a dedicated closed
2s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 7s by ratio

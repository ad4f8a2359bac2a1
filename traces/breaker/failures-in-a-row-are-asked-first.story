# R6: one outcome may reach every threshold at once; the note says the first in order: consecutive, ratio, slow.
# An explanation names one cause.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.failures=4 breaker.failure_ratio=50% breaker.slow_ratio=50% breaker.slow_call=1s breaker.min_requests=4

1s  repeat 4 arrive visa as r#
      4x forward visa/a dedicated closed
2s  finish r1 500
2s  finish r2 500
2s  finish r3 500
2s  finish r4 500
      opened visa/a until 7s

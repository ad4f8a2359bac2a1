# R6: a trip beyond max_open is noted with what tripped it, and counting begins again.
# Else every further outcome would be one more capped trip.

config
  key visa -> visa
  placement visa endpoints=a,b select=first breaker.open=60s breaker.max_open=50% breaker.failures=none breaker.failure_ratio=50% breaker.min_requests=3

1s  repeat 3 get visa 500
      3x forward visa/a dedicated closed
      opened visa/a until 61s by ratio
2s  repeat 3 get visa 500
      3x forward visa/b dedicated closed
      trip_capped visa/b open=1 by ratio
3s  repeat 2 get visa 500
      2x forward visa/b dedicated closed
4s  get visa 500
      forward visa/b dedicated closed
      trip_capped visa/b open=1 by ratio

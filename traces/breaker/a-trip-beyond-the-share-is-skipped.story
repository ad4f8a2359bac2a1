# R6: at most max(1, floor(n x max_open)) endpoints of a placement are open at once; a trip beyond that is noted and its count begins again.
# When most of a placement fails together the cause is rarely each endpoint, and somebody has to serve.

config
  key visa -> visa
  placement visa endpoints=a,b,c select=first breaker.failures=2 breaker.open=60s breaker.max_open=67%

1s  repeat 2 get visa 500
      2x forward visa/a dedicated closed
      opened visa/a until 61s
2s  repeat 2 get visa 500
      2x forward visa/b dedicated closed
      opened visa/b until 62s
3s  repeat 3 get visa 500
      2x forward visa/c dedicated closed
      trip_capped visa/c open=2
      forward visa/c dedicated closed
4s  get visa 500
      forward visa/c dedicated closed
      trip_capped visa/c open=2

# R6, R7: a call that takes slow_call or longer from admission to its outcome is slow, though its answer is good.
# An endpoint that hangs for three seconds and then answers 200 fails nobody's count of failures.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.slow_ratio=80% breaker.slow_call=2s breaker.min_requests=5

1s  repeat 5 arrive visa as r#
      5x forward visa/a dedicated closed
2.999999999s  finish r1 200
3s  finish r2 200
3s  finish r3 200
3s  finish r4 client_gone
3s  arrive visa as r6
      forward visa/a dedicated closed
3s  finish r5 200
5s  finish r6 200
      opened visa/a until 10s by slow

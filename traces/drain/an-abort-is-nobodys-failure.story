# R7, R14: what we cut is excluded: the endpoint did nothing wrong.
# Counted, every deploy would open breakers.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1

1s  arrive visa as r1
      forward visa/a dedicated closed
2s  drain 1s
      draining until 3s
3s  tick
      abort r1 visa/a
      drained aborted=1
4s  finish r1 drain

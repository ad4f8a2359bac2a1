# R14: a drain whose requests all finish aborts nothing.
# That is what a deadline is for.

config
  key visa -> visa
  placement visa endpoints=a

1s  arrive visa as r1
      forward visa/a dedicated closed
2s  drain 10s
      draining until 12s
5s  finish r1 200
12s tick
      drained aborted=0

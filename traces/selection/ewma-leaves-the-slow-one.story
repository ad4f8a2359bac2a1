# R10: of two the one with the smaller latency times (in flight + 1). b takes a second, a ten milliseconds.

config
  key visa -> visa
  placement visa endpoints=a,b select=ewma decay=10s breaker=off

1s  arrive visa as r1
      forward visa/a dedicated closed
1s  arrive visa as r2
      forward visa/b dedicated closed
1.01s  finish r1 200
2s  finish r2 200
3s  repeat 5 get visa 200
      5x forward visa/a dedicated closed

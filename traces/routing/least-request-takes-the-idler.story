# R10: of two choices the one with fewer requests in flight; ties to the earlier.
# A slow endpoint gathers requests in flight and so gets fewer.

config
  key visa -> visa
  placement visa endpoints=a,b select=least_request

1s  arrive visa as r1
      forward visa/a dedicated closed
1s  arrive visa as r2
      forward visa/b dedicated closed
2s  finish r2 200
2s  arrive visa as r3
      forward visa/b dedicated closed
2s  arrive visa as r4
      forward visa/a dedicated closed

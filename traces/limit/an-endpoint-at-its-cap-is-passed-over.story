# R2: an endpoint that serves as many requests as its own limit allows is blocked, and the others of its placement serve.
# One small server beside large ones must not get more than it can hold, whatever the rotation says.

config
  key visa -> visa
  placement visa select=first endpoints=a^1,b

1s  arrive visa as r1
      forward visa/a dedicated closed
1s  repeat 2 arrive visa as b#
      2x forward visa/b dedicated closed
2s  finish r1 200
2s  arrive visa as r2
      forward visa/a dedicated closed

# R5: a placement that is at its limit is calmed by half of it for two windows, one to drain and one to measure.
# What is slow for good must not be taken for overload, and what is overloaded for long must not be taken for normal.

config
  key visa -> visa
  placement visa endpoints=a adaptive.min=1 adaptive.max=4 adaptive.start=4 adaptive.window=1s adaptive.remeasure=4

1s  repeat 30 get visa 200
      30x forward visa/a dedicated closed
1s  repeat 4 arrive visa as a#
      4x forward visa/a dedicated closed
1s  repeat 4 finish a# 200
2s  repeat 30 get visa 200
      30x forward visa/a dedicated closed
2s  repeat 4 arrive visa as b#
      4x forward visa/a dedicated closed
2s  repeat 4 finish b# 200
3s  repeat 30 get visa 200
      30x forward visa/a dedicated closed
3s  repeat 4 arrive visa as c#
      4x forward visa/a dedicated closed
3s  repeat 4 finish c# 200
4s  repeat 30 get visa 200
      30x forward visa/a dedicated closed
4s  repeat 4 arrive visa as d#
      4x forward visa/a dedicated closed
4s  repeat 4 finish d# 200
5s  repeat 3 arrive visa as e#
      limit_changed visa 2
      2x forward visa/a dedicated closed
      reject 429 limit visa dedicated
6s  tick
6s  repeat 2 finish e# 200
7s  tick
      limit_changed visa 4

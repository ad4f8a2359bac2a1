# R12: a removed endpoint takes no new request; it is gone when the last one in flight has ended.
# Removal is a change of plan, not a failure: nobody is cut.

config
  key visa -> visa
  placement visa endpoints=b,a select=first
config v2
  key visa -> visa
  placement visa endpoints=a select=first

1s  repeat 2 arrive visa as r#
      2x forward visa/b dedicated closed
2s  adopt v2
      close_idle visa/b
      adopted 0.2
      ack 0.2
3s  get visa 200
      forward visa/a dedicated closed
4s  finish r1 200
5s  finish r2 200
      retired visa/b

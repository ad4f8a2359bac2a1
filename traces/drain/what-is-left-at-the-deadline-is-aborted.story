# R14: those still in flight at the deadline are aborted, and the trace says which.
# A deploy must end; those who were cut can be found and told.

config
  key visa -> visa
  placement visa endpoints=a

1s  repeat 3 arrive visa as r#
      3x forward visa/a dedicated closed
2s  drain 10s
      draining until 12s
3s  finish r2 200
15s tick
      abort r1 visa/a at 12s
      abort r3 visa/a at 12s
      drained aborted=2 at 12s

# R14: a second drain replaces the deadline of the first.
# The operator who is in a hurry after all must not have to wait.

config
  key visa -> visa
  placement visa endpoints=a

1s  arrive visa as r1
      forward visa/a dedicated closed
2s  drain 60s
      draining until 62s
3s  drain 1s
      draining until 4s
4s  tick
      abort r1 visa/a
      drained aborted=1
62s tick

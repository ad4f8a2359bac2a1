# R10: `first` uses endpoints in the order in which they are written, and comes back to the first when it can.
# It is the order of a shuffle shard, the same on every router.

config
  key visa -> visa
  placement visa endpoints=c,a select=first breaker.failures=1 breaker.open=5s

1s  get visa 500
      forward visa/c dedicated closed
      opened visa/c until 6s
2s  repeat 2 get visa 200
      2x forward visa/a dedicated closed
6s  get visa 200
      half_opened visa/c
      forward visa/c dedicated half_open probe
      closed visa/c

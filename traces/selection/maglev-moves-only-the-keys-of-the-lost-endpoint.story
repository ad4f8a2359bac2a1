# R10: while an endpoint is open its keys ask the place of their next draw, all others stay.
# That is what the table is for: what others cache stays where it is.

config
  key k1 -> visa
  key k2 -> visa
  key k3 -> visa
  key k4 -> visa
  placement visa endpoints=a,b,c select=maglev breaker.failures=1 breaker.open=5s

1s  get k1 200
      forward visa/b dedicated closed
1s  get k2 200
      forward visa/b dedicated closed
1s  get k3 200
      forward visa/a dedicated closed
1s  get k4 200
      forward visa/b dedicated closed
2s  get k1 500
      forward visa/b dedicated closed
      opened visa/b until 7s
3s  get k1 200
      forward visa/c dedicated closed
3s  get k2 200
      forward visa/a dedicated closed
3s  get k3 200
      forward visa/a dedicated closed
3s  get k4 200
      forward visa/c dedicated closed
8s  get k1 200
      half_opened visa/b
      forward visa/b dedicated half_open probe
      closed visa/b

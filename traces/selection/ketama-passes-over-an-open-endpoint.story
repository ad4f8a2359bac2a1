# R10: the keys of an endpoint that is not admissible go to the next point of the ring, all others stay, and they come back with it.
# That is what the ring is for: what others cache stays where it is.

config
  key k1 -> visa
  key k2 -> visa
  key k3 -> visa
  key k4 -> visa
  placement visa endpoints=a:http://10.0.0.1:80,b:http://10.0.0.2:80,c:http://10.0.0.3:80 select=ketama breaker.failures=1 breaker.open=5s

1s  get k1 200
      forward visa/b dedicated closed
1s  get k2 200
      forward visa/c dedicated closed
1s  get k3 200
      forward visa/b dedicated closed
1s  get k4 200
      forward visa/b dedicated closed
2s  get k1 500
      forward visa/b dedicated closed
      opened visa/b until 7s
3s  get k1 200
      forward visa/a dedicated closed
3s  get k2 200
      forward visa/c dedicated closed
3s  get k3 200
      forward visa/a dedicated closed
3s  get k4 200
      forward visa/c dedicated closed
8s  get k1 200
      half_opened visa/b
      forward visa/b dedicated half_open probe
      closed visa/b

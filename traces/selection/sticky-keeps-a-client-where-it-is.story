# R10: a client whose cookie names an admissible endpoint is served there, whatever the policy says. Without, or when it is gone, the policy picks and the edge sets the cookie.

config
  key visa -> visa
  placement visa endpoints=a,b,c sticky=desk breaker.failures=1 breaker.open=5s

1s  get visa 200
      forward visa/a dedicated closed pin
2s  repeat 3 get visa 200 prefer=visa/c
      3x forward visa/c dedicated closed
3s  get visa 200
      forward visa/b dedicated closed pin
4s  get visa 500 prefer=visa/c
      forward visa/c dedicated closed
      opened visa/c until 9s
5s  get visa 200 prefer=visa/c
      forward visa/a dedicated closed pin
6s  get visa 200 prefer=nobody
      forward visa/b dedicated closed pin
9s  get visa 200 prefer=visa/c
      half_opened visa/c
      forward visa/c dedicated half_open probe
      closed visa/c

# R6: each failed probe opens the breaker for longer, up to the cap; a recovery forgets the growth.
# An endpoint that stays down should be asked less often, but not be forgotten.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s breaker.grow=2 breaker.open_max=15s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  get visa 500
      half_opened visa/a
      forward visa/a dedicated half_open probe
      opened visa/a until 16s
16s get visa 500
      half_opened visa/a
      forward visa/a dedicated half_open probe
      opened visa/a until 31s
31s get visa 500
      half_opened visa/a
      forward visa/a dedicated half_open probe
      opened visa/a until 46s
46s get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
      closed visa/a
47s get visa 500
      forward visa/a dedicated closed
      opened visa/a until 52s

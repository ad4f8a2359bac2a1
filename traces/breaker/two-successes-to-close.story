# R6: `successes: 2` closes the breaker at the second good probe, not at the first.
# One good answer can be luck.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s breaker.successes=2

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
7s  get visa 200
      forward visa/a dedicated half_open probe
      closed visa/a

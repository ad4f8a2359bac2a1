# R6: with 10 % jitter the breaker is open for 10 s to 11 s, by hash of seed, endpoint and generation.
# Routers that tripped together do not probe together, and two openings of one breaker differ.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=10s breaker.jitter=10%

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 11.244180485s
20s get visa 500
      half_opened visa/a
      forward visa/a dedicated half_open probe
      opened visa/a until 30.908441215s

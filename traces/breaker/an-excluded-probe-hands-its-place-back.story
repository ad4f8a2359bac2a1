# R6, R7: a probe whose client went away says nothing about the endpoint; the next request is the probe.
# Kept, the place would block the endpoint until the guard; counted, it would blame the endpoint for its client.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  get visa client_gone
      half_opened visa/a
      forward visa/a dedicated half_open probe
7s  get visa 200
      forward visa/a dedicated half_open probe
      closed visa/a

# R6, R7: a probe with a long body closes the breaker at Reply; its slot is held until Finish.
# An event stream may last for hours: the breaker must not wait for it, and the limit must count it.

config
  key visa -> visa
  placement visa endpoints=a limit=1 breaker.failures=1 breaker.open=5s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  arrive visa as stream
      half_opened visa/a
      forward visa/a dedicated half_open probe
7s  reply stream 200
      closed visa/a
8s  get visa 200
      reject 429 limit visa dedicated
9s  finish stream 200
9s  get visa 200
      forward visa/a dedicated closed

# R6: when the open time has passed, one request is admitted as a probe; its success closes the breaker.
# Until it has answered the endpoint is still suspect, so everyone else is kept away.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  arrive visa as probe
      half_opened visa/a
      forward visa/a dedicated half_open probe
6s  arrive visa as other
      reject 503 circuit_open visa dedicated half_open visa/a
7s  finish probe 200
      closed visa/a
7s  get visa 200
      forward visa/a dedicated closed

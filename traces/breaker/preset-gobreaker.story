# R6, preset gobreaker: more than five failures in a row open it for a minute; one good request closes it.
# Who moves from a client library finds the breaker that he knows.

config
  key visa -> visa
  placement visa endpoints=a breaker.preset=gobreaker

1s  repeat 6 get visa 500
      6x forward visa/a dedicated closed
      opened visa/a until 61s
60.999999999s  get visa 200
      reject 503 circuit_open visa dedicated open visa/a
61s  get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
      closed visa/a
62s  get visa 200
      forward visa/a dedicated closed

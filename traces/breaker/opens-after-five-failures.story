# R6: five failures in a row, the default, open the breaker; the next request finds it open.
# One failure says little; five with no success between them say that the endpoint is down.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s

1s  repeat 4 get visa 500
      4x forward visa/a dedicated closed
2s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 7s
3s  get visa 200
      reject 503 circuit_open visa dedicated open visa/a

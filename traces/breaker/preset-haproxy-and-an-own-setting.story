# R6, preset haproxy: ten errors in a row, four seconds, two good requests to come back. An own setting wins: here six seconds.

config
  key visa -> visa
  placement visa endpoints=a breaker.preset=haproxy breaker.open=6s

1s  repeat 9 get visa 500
      9x forward visa/a dedicated closed
1s  get visa connect_refused
      forward visa/a dedicated closed
      opened visa/a until 7s
6s  get visa 200
      reject 503 circuit_open visa dedicated open visa/a
7s  get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
8s  get visa 200
      forward visa/a dedicated half_open probe
      closed visa/a
9s  get visa 200
      forward visa/a dedicated closed

# Flaw 1: half-open lets every request through. R6: one request tests the endpoint, the others are kept away.
# An endpoint that is coming up must not meet the whole load at once.

config
  default tier3
  chain
  key visa -> visa
  placement visa endpoints=a breaker.open=5s
  placement tier3 endpoints=a

1s  repeat 5 get visa 500
      5x forward visa/a dedicated closed
      opened visa/a until 6s
6s  arrive visa as probe
      half_opened visa/a
      forward visa/a dedicated half_open probe
6s  repeat 10 get visa 200
      10x forward tier3/a dedicated closed after circuit_open

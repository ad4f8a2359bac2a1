# R6: an outcome counts only in the generation of the breaker in which its request was admitted.
# A slow answer from before the trip says nothing about the endpoint now.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s

1s  arrive visa as slow
      forward visa/a dedicated closed
2s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 7s
7s  arrive visa as probe
      half_opened visa/a
      forward visa/a dedicated half_open probe
8s  finish slow 200
      ignored old_generation
9s  finish probe 500
      opened visa/a until 14s

# Flaw 6: a pushed snapshot is applied without validation. R12: it is answered with Nack and the old one serves on.

config
  key visa -> visa
  placement visa endpoints=a

1s  adopt invalid
      nack 0.0 invalid
2s  get visa 200
      forward visa/a dedicated closed

# Flaw 8: a client that goes away counts as the upstream's failure. R7: it is excluded.

config
  default tier3
  chain
  key visa -> visa
  placement visa endpoints=a
  placement tier3 endpoints=a

1s  repeat 20 get visa client_gone
      20x forward visa/a dedicated closed

# R5, R15: the cap on guests shrinks with an adaptive limit, so that those at home keep their part of it.
# Else the guests of a placement that slows down would have all of what is left.

config
  key visa -> visa
  key home -> acme
  placement visa endpoints=a fallback=acme breaker.failures=1 breaker.open=60s
  placement acme endpoints=a limit=8 guests=4 adaptive.min=2 adaptive.max=8 adaptive.start=4

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  repeat 2 arrive visa as g#
      2x forward acme/a dedicated closed after circuit_open
2s  arrive visa as g3
      reject 503 circuit_open visa dedicated open visa/a
2s  repeat 2 arrive home as h#
      2x forward acme/a dedicated closed
2s  arrive home as h3
      reject 429 limit acme dedicated

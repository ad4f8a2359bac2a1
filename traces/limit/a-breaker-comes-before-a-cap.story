# R3: a placement with a blocked breaker and the rest at their caps is left as circuit_open, not as full.
# What is broken is the reason that a person has to act on; a cap is met in passing.

config
  key visa -> visa
  placement visa endpoints=a,b^1 breaker.failures=1 breaker.open=60s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  arrive visa as r1
      forward visa/b dedicated closed
2s  arrive visa as r2
      reject 503 circuit_open visa dedicated open visa/a

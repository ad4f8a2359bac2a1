# R2, R3: health never blocks a request, a cap does: an unhealthy endpoint at its cap is no last resort.
# A server that looks ill is the last that should get more than it can hold.

config
  key visa -> visa
  placement visa select=first endpoints=a^1,b^1 health.start=unhealthy

1s  tick
      probe visa/a until 4s at 0s
      probe visa/b until 4s at 0s
1s  arrive visa as r1
      forward visa/a dedicated closed
1s  arrive visa as r2
      forward visa/b dedicated closed
1s  arrive visa as r3
      reject 429 limit visa dedicated

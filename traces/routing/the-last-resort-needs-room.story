# R3, R5: health is waived for the last resort, the concurrency limit is not.
# An endpoint that may be sick is the last one to be given more than its limit.

config
  key visa -> visa
  placement visa endpoints=a limit=1 health.start=unhealthy

0s  tick
      probe visa/a until 3s
1s  arrive visa as r1
      forward visa/a dedicated closed
1s  arrive visa as r2
      reject 429 limit visa dedicated

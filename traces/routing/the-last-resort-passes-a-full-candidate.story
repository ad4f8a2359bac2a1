# R3: a full home that fails over, then an unhealthy fallback: the fallback is the last resort.
# A full placement is sound but taken; a sick one may still answer.

config
  key visa -> visa
  placement visa endpoints=a limit=1 when_full=fail_over fallback=spare
  placement spare endpoints=a health.start=unhealthy

0s  tick
      probe spare/a until 3s
1s  arrive visa as r1
      forward visa/a dedicated closed
2s  arrive visa as r2
      forward spare/a dedicated closed after concurrency_limit

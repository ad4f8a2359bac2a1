# R9: panic ignores health, never a breaker or a limit: an open endpoint counts as lost and stays out.
# Health is what probes say; a breaker is what requests found.

config
  key visa -> visa
  placement visa endpoints=a,b^1,c panic_percent=70% breaker.failures=1 breaker.open=60s health.start=unhealthy select=first

0s  tick
      probe visa/a until 3s
      probe visa/b until 3s
      probe visa/c until 3s
1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  arrive visa as r1
      forward visa/b dedicated closed
2s  arrive visa as r2
      forward visa/c dedicated closed
2s  arrive visa as r3
      forward visa/c dedicated closed

# R3: when health alone blocks every endpoint, the first of them in candidate order serves.
# A wrong health check must not turn into an outage; the placement was not left, so there is no failover reason.

config
  key visa -> visa
  placement visa endpoints=a,b health.start=unhealthy

1s  tick
      probe visa/a until 4s at 0s
      probe visa/b until 4s at 0s
2s  get visa 200
      forward visa/a dedicated closed

# R3: when health blocks home and fallback alike, home serves, and there is no failover reason.
# With nothing to choose between, staying home costs least.

config
  key visa -> visa
  defaults health.start=unhealthy
  placement visa endpoints=a fallback=spare
  placement spare endpoints=a

0s  tick
      probe spare/a until 3s
      probe visa/a until 3s
1s  get visa 200
      forward visa/a dedicated closed

# R3: a placement left with one endpoint behind its breaker and one unhealthy is left as circuit_open.
# The breaker speaks of real requests, a probe only of probes.

config
  key visa -> visa
  placement visa endpoints=a,b select=first last_resort=refuse fallback=tier3 breaker.failures=1 breaker.open=60s health.start=unhealthy health.rise=1
  placement tier3 endpoints=a

0s  tick
      probe visa/a until 3s
      probe visa/b until 3s
1s  probed visa/b ok
      healthy visa/b
1s  get visa 500
      forward visa/b dedicated closed
      opened visa/b until 61s
2s  get visa 200
      forward tier3/a dedicated closed after circuit_open

# Flaw 4: per-placement health checks replace each other, so that only the last placement's health is consulted. R8: every
# endpoint has its own.

config
  default tier3
  chain
  key visa -> visa
  key acme -> acme
  placement visa endpoints=a health.fall=1
  placement acme endpoints=a health.fall=1
  placement tier3 endpoints=a

0s  tick
      probe acme/a until 3s
      probe visa/a until 3s
1s  probed visa/a fail
      unhealthy visa/a
1s  probed acme/a ok
2s  get visa 200
      forward tier3/a dedicated closed after upstream_unhealthy
2s  get acme 200
      forward acme/a dedicated closed

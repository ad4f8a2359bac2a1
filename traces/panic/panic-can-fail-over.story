# R9: with `panic: fail_over` a placement in panic hands its requests on, with the reason for which it lacks endpoints.
# What is left of it is not crushed by the load of the whole.

config
  key visa -> visa
  placement visa endpoints=a,b fallback=acme panic_percent=100% panic=fail_over health.every=10s health.fall=1 select=first
  placement acme endpoints=a limit=1

0s  tick
      probe visa/a until 3s
      probe visa/b until 3s
1s  probed visa/a fail
      unhealthy visa/a
      panic_entered visa usable=1
1s  arrive visa as r1
      forward acme/a dedicated closed after upstream_unhealthy
1s  arrive visa as r2
      reject 429 limit acme dedicated after upstream_unhealthy

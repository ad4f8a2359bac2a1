# R12: one URL in two placements is two endpoints, with a breaker each.
# What one tenant's requests do to it must not close it for the other (R15).

config
  key visa -> visa
  key acme -> acme
  defaults breaker.failures=1 breaker.open=60s
  placement visa endpoints=a:http://10.0.0.1
  placement acme endpoints=a:http://10.0.0.1

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get acme 200
      forward acme/a dedicated closed

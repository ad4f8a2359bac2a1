# R3: a 503 shows the breaker of the first endpoint blocked by one, in candidate order, then in the order of its endpoints.
# With two of them and two placements there must be no doubt whose state the header speaks of.

config
  key acme -> acme
  defaults breaker.failures=1
  placement acme endpoints=a,b select=first fallback=visa breaker.open=5s
  placement visa endpoints=a breaker.open=60s

1s  repeat 2 get acme 500
      forward acme/a dedicated closed
      opened acme/a until 6s
      forward acme/b dedicated closed
      opened acme/b until 6s
2s  get acme 500
      forward visa/a dedicated closed after circuit_open
      opened visa/a until 62s
3s  get acme 200
      reject 503 circuit_open acme dedicated open acme/a
6s  arrive acme as r1
      half_opened acme/a
      forward acme/a dedicated half_open probe
6s  arrive acme as r2
      half_opened acme/b
      forward acme/b dedicated half_open probe
6s  get acme 200
      reject 503 circuit_open acme dedicated half_open acme/a

# R15: requests of one tenant change no decision for another in a separate component.
# Isolation is what cells are for.

config
  key visa -> visa
  key acme -> acme
  placement visa endpoints=a,b
  placement acme endpoints=a,b limit=1 breaker.failures=1 breaker.open=60s

1s  get visa 200
      forward visa/a dedicated closed
1s  get acme 500
      forward acme/a dedicated closed
      opened acme/a until 61s
1s  arrive acme as r1
      forward acme/b dedicated closed
1s  get acme 200
      reject 429 limit acme dedicated
2s  get visa 200
      forward visa/b dedicated closed
3s  get visa 200
      forward visa/a dedicated closed

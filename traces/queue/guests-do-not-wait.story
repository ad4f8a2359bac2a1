# R5: only requests at home wait. A guest at a full placement that queues goes on, and comes after all who wait.
# A neighbour's failure must not fill the queue of the home tenants (R15).

config
  key visa -> visa
  key acme -> acme
  placement visa endpoints=a fallback=acme breaker.failures=1 breaker.open=60s
  placement acme endpoints=a limit=1 queue=2 wait=200ms

1s    get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
1s    arrive acme as one
      forward acme/a dedicated closed
1s    arrive acme as two
      queued acme dedicated place=1 until 1.2s
1.05s arrive visa as guest
      reject 503 circuit_open visa dedicated open visa/a
1.1s  finish one 200
      forward acme/a dedicated closed for two

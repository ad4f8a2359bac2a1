# R11, R12: a request that waits for its retry is matched again at a push, and goes where its key belongs by then.
# One whose attempt outlives the push is matched when it fails.

config
  key visa -> visa
  placement visa endpoints=a retries=1
  placement acme endpoints=a

config moved
  key visa -> acme
  placement visa endpoints=a retries=1
  placement acme endpoints=a

1s    arrive visa as waits
      forward visa/a dedicated closed
1s    arrive visa as flies
      forward visa/a dedicated closed
1.1s  finish waits connect_refused
      retry visa/a connect_refused attempt=2 until 1.107489779s
1.1s  adopt moved
      adopted 0.2
      ack 0.2
1.2s  finish flies connect_refused
      forward acme/a dedicated closed attempt=2 for waits at 1.107489779s
      retry visa/a connect_refused attempt=2 until 1.210823865s
1.5s  tick
      forward acme/a dedicated closed attempt=2 for flies at 1.210823865s

# R12, R5: a push that sends the key elsewhere moves those who wait; the placement that is gone frees its number with the last of them.
# Nobody is answered by a placement that its key has left.

config
  key visa -> visa
  placement visa endpoints=a limit=1 queue=2 wait=200ms
  placement acme endpoints=a

config moved
  key visa -> acme
  placement acme endpoints=a

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      queued visa dedicated place=1 until 1.2s
1.1s  adopt moved
      close_idle visa/a
      adopted 0.2
      ack 0.2
      forward acme/a dedicated closed for two
1.2s  finish one 200
      retired visa/a

# R5: who has waited for `wait` is told so, 503 queue_timeout, at that very time.
# A client learns it soon enough to do something else.

config
  key visa -> visa
  placement visa endpoints=a limit=1 queue=2 wait=200ms

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      queued visa dedicated place=1 until 1.2s
1.05s arrive visa as three
      queued visa dedicated place=2 until 1.25s
2s    tick
      reject 503 queue_timeout visa dedicated for two at 1.2s
      reject 503 queue_timeout visa dedicated for three at 1.25s

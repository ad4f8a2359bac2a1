# R12, R5: at a push every waiting request is matched again, in order, and keeps its place if its home stays.
# Here the limit is raised by one: the first goes on, the second waits on with the time that it was given.

config
  key visa -> visa
  placement visa endpoints=a limit=1 queue=2 wait=200ms

config roomier
  key visa -> visa
  placement visa endpoints=a limit=2 queue=2 wait=5s

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      queued visa dedicated place=1 until 1.2s
1s    arrive visa as three
      queued visa dedicated place=2 until 1.2s
1.1s  adopt roomier
      adopted 0.2
      ack 0.2
      forward visa/a dedicated closed for two
1.15s arrive visa as four
      queued visa dedicated place=2 until 6.15s
1.3s  tick
      reject 503 queue_timeout visa dedicated for three at 1.2s

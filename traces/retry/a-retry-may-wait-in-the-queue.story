# R11, R5: a retry is evaluated from the top: at a full placement it queues, behind those who wait there.
# It has no right to overtake requests that have had no attempt at all.

config
  key visa -> visa
  placement visa endpoints=a,b limit=1 queue=2 wait=500ms retries=1

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      queued visa dedicated place=1 until 1.5s
1.1s  finish one connect_refused
      forward visa/b dedicated closed for two
      retry visa/a connect_refused attempt=2 until 1.107489779s
1.3s  tick
      queued visa dedicated place=1 until 1.607489779s for one at 1.107489779s
1.4s  finish two 200
      forward visa/b dedicated closed attempt=2 for one

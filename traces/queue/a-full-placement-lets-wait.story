# R5: at a full placement that queues, a request waits for room, and the oldest comes first.
# A blip of load costs some milliseconds instead of a 429.

config
  key visa -> visa
  placement visa endpoints=a limit=1 queue=2 wait=200ms

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      queued visa dedicated place=1 until 1.2s
1.05s arrive visa as three
      queued visa dedicated place=2 until 1.25s
1.05s arrive visa as four
      reject 429 limit visa dedicated
1.1s  finish one 200
      forward visa/a dedicated closed for two
1.12s finish two 200
      forward visa/a dedicated closed for three
1.12s finish three 200

# R14: who came before the drain may wait and be served; at the deadline what still waits is refused as drain.
# A restart should cost nobody an answer who was promised one.

config
  key visa -> visa
  placement visa endpoints=a limit=1 queue=3 wait=5s

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      queued visa dedicated place=1 until 6s
1s    arrive visa as three
      queued visa dedicated place=2 until 6s
1.1s  drain 1s
      draining until 2.1s
1.2s  arrive visa as late
      reject 503 drain dedicated
1.3s  finish one 200
      forward visa/a dedicated closed for two
2.1s  tick
      abort two visa/a
      reject 503 drain visa dedicated for three
      drained aborted=1

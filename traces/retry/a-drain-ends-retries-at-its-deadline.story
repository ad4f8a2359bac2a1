# R14, R11: during a drain retries go on as long as they are due before the deadline; what waits then is refused as drain.
# A retry that nobody may finish helps nobody.

config
  key visa -> visa
  placement visa endpoints=a,b retries=2 retries.backoff=400ms retries.floor=9

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      forward visa/b dedicated closed
1.1s  drain 300ms
      draining until 1.4s
1.2s  finish one connect_refused
      retry visa/a connect_refused attempt=2 until 1.319836479s
1.39s finish two connect_refused
      forward visa/b dedicated closed attempt=2 for one at 1.319836479s
1.5s  tick
      abort one visa/b at 1.4s
      drained aborted=1 at 1.4s

# R5, R11: whose turn it is, is a new attempt: if no endpoint is left by then, it fails over or is refused like any other.
# What was true when it began to wait need not be true any more.

config
  key visa -> visa
  placement visa endpoints=a limit=1 queue=2 wait=200ms breaker.failures=1 breaker.open=60s

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      queued visa dedicated place=1 until 1.2s
1s    arrive visa as three
      queued visa dedicated place=2 until 1.2s
1.1s  finish one 500
      opened visa/a until 61.1s
      reject 503 circuit_open visa dedicated open visa/a for two
      reject 503 circuit_open visa dedicated open visa/a for three

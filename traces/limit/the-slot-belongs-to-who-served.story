# R4, R5: a request that failed over takes a slot of the placement that serves it, and none of the one it left.
# The limit protects who does the work.

config
  key visa -> visa
  placement visa endpoints=a limit=1 when_full=fail_over fallback=spare
  placement spare endpoints=a limit=1

1s  arrive visa as r1
      forward visa/a dedicated closed
1s  arrive visa as r2
      forward spare/a dedicated closed after concurrency_limit
1s  arrive visa as r3
      reject 429 limit spare dedicated after concurrency_limit
2s  finish r1 200
2s  arrive visa as r4
      forward visa/a dedicated closed
3s  finish r2 200
3s  arrive visa as r5
      forward spare/a dedicated closed after concurrency_limit

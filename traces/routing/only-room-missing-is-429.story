# R3: when every candidate was left for want of room, the answer is 429 of the key's own placement.
# The client may come again at once; nothing is broken.

config
  key visa -> visa
  defaults limit=1 when_full=fail_over
  placement visa endpoints=a fallback=spare
  placement spare endpoints=a

1s  arrive visa as r1
      forward visa/a dedicated closed
1s  arrive visa as r2
      forward spare/a dedicated closed after concurrency_limit
1s  arrive visa as r3
      reject 429 limit visa dedicated

# R2: evaluate first, commit last. A refused request leaves the rotation where it was.
# Otherwise refused traffic would skew the load of those that are served.

config
  key visa -> visa
  placement visa endpoints=a,b limit=1

1s  arrive visa as r1
      forward visa/a dedicated closed
1s  arrive visa as r2
      reject 429 limit visa dedicated
2s  finish r1 200
3s  get visa 200
      forward visa/b dedicated closed

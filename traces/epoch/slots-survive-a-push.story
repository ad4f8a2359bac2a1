# R12: those in flight before a push still count after it.
# Otherwise every push would let a second limit's worth of requests in.

config
  key visa -> visa
  placement visa endpoints=a limit=1
config v2
  key visa -> visa
  key acme -> visa
  placement visa endpoints=a limit=1

1s  arrive visa as r1
      forward visa/a dedicated closed
2s  adopt v2
      adopted 0.2
      ack 0.2
3s  get acme 200
      reject 429 limit visa dedicated
4s  finish r1 200
5s  get acme 200
      forward visa/a dedicated closed

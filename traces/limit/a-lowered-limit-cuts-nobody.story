# R5: a push that lowers the limit leaves those in flight alone; new ones wait until enough of them have ended.
# Work that is half done is worth finishing.

config
  key visa -> visa
  placement visa endpoints=a limit=3
config v2
  key visa -> visa
  placement visa endpoints=a limit=2

1s  repeat 3 arrive visa as r#
      3x forward visa/a dedicated closed
2s  adopt v2
      adopted 0.2
      ack 0.2
3s  finish r1 200
3s  arrive visa as r4
      reject 429 limit visa dedicated
4s  finish r2 200
4s  arrive visa as r5
      forward visa/a dedicated closed

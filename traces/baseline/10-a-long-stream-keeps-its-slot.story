# Flaw 10: the 30 s cap cuts long streams. R7: a stream books its outcome when it settles, and may go on for as long as it likes.

config
  default tier3
  chain
  key visa -> visa
  placement visa endpoints=a limit=1
  placement tier3 endpoints=a

1s  arrive visa as stream
      forward visa/a dedicated closed
2s  reply stream 200
7200s get visa 200
      reject 429 limit visa dedicated
7201s finish stream 200
7202s get visa 200
      forward visa/a dedicated closed

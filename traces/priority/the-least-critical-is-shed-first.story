# R5: a priority is admitted up to its share of the limit; beyond it the request is shed with 503, while more critical ones still enter.
# When not all can be served, those that matter least wait.

config
  key visa -> visa
  placement visa endpoints=a limit=4 priorities=100,75,50

1s  repeat 2 arrive visa as low# priority=2
      2x forward visa/a dedicated closed
1s  arrive visa as low3 priority=2
      reject 503 shed visa dedicated
1s  arrive visa as lower priority=7
      reject 503 shed visa dedicated
1s  arrive visa as middle priority=1
      forward visa/a dedicated closed
1s  arrive visa as middle2 priority=1
      reject 503 shed visa dedicated
1s  arrive visa as high
      forward visa/a dedicated closed
1s  arrive visa as high2
      reject 429 limit visa dedicated

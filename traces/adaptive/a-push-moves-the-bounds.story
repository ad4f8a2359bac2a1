# R5, R12: a push that lowers max lowers the limit at once, with a note; one that takes the adaptive limit away ends it.
# New bounds are a decision of the operator's, not of the latency.

config
  key visa -> visa
  placement visa endpoints=a adaptive.min=2 adaptive.max=8 adaptive.start=8
config lower
  key visa -> visa
  placement visa endpoints=a adaptive.min=2 adaptive.max=3
config none
  key visa -> visa
  placement visa endpoints=a

1s  adopt lower
      limit_changed visa 3
      adopted 0.2
      ack 0.2
1s  repeat 4 arrive visa as r#
      3x forward visa/a dedicated closed
      reject 429 limit visa dedicated
2s  adopt none
      adopted 0.3
      ack 0.3
2s  arrive visa as r5
      forward visa/a dedicated closed

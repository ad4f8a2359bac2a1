# R5: a request beyond the placement's limit is refused with 429 until one in flight ends.
# Waiting work that cannot be done only makes an overload last; a 429 has no circuit state, since no endpoint was chosen.

config
  key visa -> visa
  placement visa endpoints=a limit=2

1s  repeat 2 arrive visa as r#
      2x forward visa/a dedicated closed
2s  arrive visa as r3
      reject 429 limit visa dedicated
3s  finish r1 200
3s  arrive visa as r4
      forward visa/a dedicated closed

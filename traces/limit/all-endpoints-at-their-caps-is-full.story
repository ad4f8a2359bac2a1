# R3: a placement whose sound endpoints are all at their caps is full: by default 429, as at its own limit.
# The breakers and health are fine; only room is missing, so the client may well try again soon.

config
  key visa -> visa
  placement visa endpoints=a^1,b^1

1s  repeat 2 arrive visa as r#
      forward visa/a dedicated closed
      forward visa/b dedicated closed
1s  arrive visa as r3
      reject 429 limit visa dedicated
2s  finish r2 200
2s  arrive visa as r4
      forward visa/b dedicated closed

# Bad input: an attempt ends once. A second Finish, or a Reply after it, names nothing, even when the slot has a new holder.
# The handle has a generation, so a mistake of the edge cannot end somebody else's attempt.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s

1s  arrive visa as r1
      forward visa/a dedicated closed
2s  finish r1 200
2s  arrive visa as r2
      forward visa/a dedicated closed
3s  finish r1 500
      ignored unknown_handle
3s  reply r1 500
      ignored unknown_handle
4s  finish r2 500
      opened visa/a until 9s

# Bad input: a response settles once; a second Reply is not a second outcome.
# The first one has been counted.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=2

1s  arrive visa as r1
      forward visa/a dedicated closed
2s  reply r1 500
3s  reply r1 500
      ignored second_reply

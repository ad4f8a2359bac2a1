# Bad input: a status outside 100 to 599 is noted and counts neither way; Finish still frees the slot.
# A fault of ours must neither blame an endpoint nor leak a slot.

config
  key visa -> visa
  placement visa endpoints=a limit=1 breaker.failures=1

1s  arrive visa as r1
      forward visa/a dedicated closed
2s  reply r1 600
      ignored bad_status
3s  finish r1 99
      ignored bad_status
4s  get visa 200
      forward visa/a dedicated closed

# R6, R12: a push that switches the breaker off closes it.
# An open state that nothing can close any more would last for ever.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=60s
config off
  key visa -> visa
  placement visa endpoints=a breaker=off

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  adopt off
      adopted 0.2
      ack 0.2
3s  get visa 200
      forward visa/a dedicated closed

# R6, R12: a push that lowers the threshold opens nothing by itself; the next failure does.
# A push that opens breakers by itself would be an outage by configuration.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=5 breaker.open=60s
config v2
  key visa -> visa
  placement visa endpoints=a breaker.failures=2 breaker.open=7s

1s  repeat 3 get visa 500
      3x forward visa/a dedicated closed
2s  adopt v2
      adopted 0.2
      ack 0.2
3s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 10s

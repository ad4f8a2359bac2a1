# R6, R12: an endpoint removed while a probe is out is half open with no probe out when it comes back; the old probe's answer is old.
# Its guard ended with the endpoint's place in the configuration; waiting for it could mean waiting for ever.

config
  key visa -> visa
  defaults breaker.failures=1 breaker.open=5s
  placement visa endpoints=b,a select=first
config without-b
  key visa -> visa
  defaults breaker.failures=1 breaker.open=5s
  placement visa endpoints=a select=first
config with-b
  key visa -> visa
  defaults breaker.failures=1 breaker.open=5s
  placement visa endpoints=b,a select=first

1s  get visa 500
      forward visa/b dedicated closed
      opened visa/b until 6s
6s  arrive visa as probe
      half_opened visa/b
      forward visa/b dedicated half_open probe
7s  adopt without-b
      close_idle visa/b
      adopted 0.2
      ack 0.2
8s  adopt with-b
      adopted 0.3
      ack 0.3
9s  arrive visa as probe2
      forward visa/b dedicated half_open probe
10s finish probe 500
      ignored old_generation
11s finish probe2 200
      closed visa/b

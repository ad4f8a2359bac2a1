# R12: an endpoint that comes back before it was gone has the breaker that it left with.
# Taking it out and in again must not wipe what is known about it.

config
  key visa -> visa
  defaults breaker.failures=2 breaker.open=60s
  placement visa endpoints=b,a select=first
config without-b
  key visa -> visa
  defaults breaker.failures=2 breaker.open=60s
  placement visa endpoints=a select=first
config with-b
  key visa -> visa
  defaults breaker.failures=2 breaker.open=60s
  placement visa endpoints=b,a select=first

1s  get visa 500
      forward visa/b dedicated closed
1s  arrive visa as long
      forward visa/b dedicated closed
2s  adopt without-b
      close_idle visa/b
      adopted 0.2
      ack 0.2
3s  adopt with-b
      adopted 0.3
      ack 0.3
4s  get visa 500
      forward visa/b dedicated closed
      opened visa/b until 64s
5s  finish long 200
      ignored old_generation

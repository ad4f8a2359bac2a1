# R9: with `panic: fail` a placement in panic refuses with 503, but still tests its breakers, or it would never recover.
# A cell that has lost its quorum may rather be silent than half right.

config
  key visa -> visa
  placement visa endpoints=a,b fallback=acme panic_percent=100% panic=fail breaker.failures=1 breaker.open=5s select=first
  placement acme endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
      panic_entered visa usable=1
2s  get visa 200
      reject 503 no_endpoint visa dedicated
6s  arrive visa as test
      half_opened visa/a
      panic_left visa usable=2
      forward visa/a dedicated half_open probe
6s  get visa 200
      forward visa/b dedicated closed
7s  finish test 200
      closed visa/a

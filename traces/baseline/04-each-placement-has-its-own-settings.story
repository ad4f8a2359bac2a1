# Flaw 4: per-placement breaker settings are read and never used. R6: each placement's own threshold and open time count.

config
  default tier3
  chain
  key visa -> visa
  key acme -> acme
  placement visa endpoints=a breaker.failures=2 breaker.open=7s
  placement acme endpoints=a breaker.failures=3 breaker.open=11s
  placement tier3 endpoints=a

1s  repeat 2 get visa 500
      2x forward visa/a dedicated closed
      opened visa/a until 8s
1s  repeat 3 get acme 500
      3x forward acme/a dedicated closed
      opened acme/a until 12s

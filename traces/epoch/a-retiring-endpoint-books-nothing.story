# R12: while an endpoint retires its breaker stands still: it takes no request, so there is nothing to decide.
# A note about a breaker that guards nothing would only mislead.

config
  key visa -> visa
  placement visa endpoints=b,a select=first breaker.failures=1 breaker.open=5s
config without-b
  key visa -> visa
  placement visa endpoints=a select=first breaker.failures=1 breaker.open=5s

1s  repeat 2 arrive visa as r#
      2x forward visa/b dedicated closed
2s  adopt without-b
      close_idle visa/b
      adopted 0.2
      ack 0.2
3s  finish r1 500
4s  finish r2 500
      retired visa/b

# Flaw 14: an open breaker without `fallback` answers 503 although the text says that the default placement serves. R1: it does.

config
  default tier3
  chain
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=60s
  placement tier3 endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 200
      forward tier3/a dedicated closed after circuit_open

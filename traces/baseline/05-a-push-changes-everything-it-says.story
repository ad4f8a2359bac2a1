# Flaw 5: a new config changes routes but not limits, breakers, health checks or fallbacks. R12: adoption is all or nothing.

config
  default tier3
  chain
  key visa -> visa
  placement visa endpoints=a
  placement tier1 endpoints=a
  placement tier3 endpoints=a
config v2
  default tier3
  chain
  key visa -> visa
  placement visa endpoints=a limit=1 fallback=tier1 breaker.failures=1 breaker.open=9s health=on
  placement tier1 endpoints=a
  placement tier3 endpoints=a

1s  repeat 2 arrive visa as r#
      2x forward visa/a dedicated closed
2s  repeat 2 finish r# 200
3s  adopt v2
      adopted 0.2
      ack 0.2
3s  arrive visa as r3
      probe visa/a until 6s
      forward visa/a dedicated closed
3s  arrive visa as r4
      reject 429 limit visa dedicated
4s  finish r3 500
      opened visa/a until 13s
5s  get visa 200
      forward tier1/a dedicated closed after circuit_open

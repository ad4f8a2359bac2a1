# R1: in the native form a placement without `fallback` has none; the default placement is not appended.
# A tenant with a cell of its own never lands in the shared tier by accident.

config
  default tier3
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=60s
  placement tier3 endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 200
      reject 503 circuit_open visa dedicated open visa/a

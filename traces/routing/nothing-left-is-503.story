# R3: when every candidate is left and a breaker blocks one of them, the answer is 503 with that breaker's state.
# The client learns that waiting may help, and which endpoint it waits for.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=60s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 200
      reject 503 circuit_open visa dedicated open visa/a

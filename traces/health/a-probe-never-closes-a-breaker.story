# R7: an active probe's success is about health only; the breaker waits for a real request.
# An endpoint may answer /health and fail at everything else.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=60s health=on

0s  tick
      probe visa/a until 3s
1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  probed visa/a ok
3s  get visa 200
      reject 503 circuit_open visa dedicated open visa/a

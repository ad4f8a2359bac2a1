# R5: `guests: none` keeps every failover out; the request goes on, and with nothing left it is refused for its own reason.
# A cell can be closed to strangers without leaving everyone's fallback list.

config
  key visa -> visa
  placement visa endpoints=a fallback=acme breaker.failures=1 breaker.open=60s
  placement acme endpoints=a guests=none

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 200
      reject 503 circuit_open visa dedicated open visa/a

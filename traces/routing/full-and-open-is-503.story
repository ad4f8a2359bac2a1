# R3: with one candidate full and another behind an open breaker, more than room is missing: 503, not 429.
# The circuit state is that of the first breaker-blocked endpoint in candidate order.

config
  key visa -> visa
  key spare -> spare
  placement visa endpoints=a limit=1 when_full=fail_over fallback=spare
  placement spare endpoints=a breaker.failures=1 breaker.open=60s

1s  get spare 500
      forward spare/a dedicated closed
      opened spare/a until 61s
2s  arrive visa as r1
      forward visa/a dedicated closed
3s  arrive visa as r2
      reject 503 circuit_open visa dedicated open spare/a

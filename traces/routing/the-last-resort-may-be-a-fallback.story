# R3: with the home behind its breaker and the fallback merely unhealthy, the fallback serves all the same.
# Health orders the candidates; it never leaves a request without one.

config
  key visa -> visa
  placement visa endpoints=a fallback=spare breaker.failures=1 breaker.open=60s
  placement spare endpoints=a health.start=unhealthy

0s  tick
      probe spare/a until 3s
1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 200
      forward spare/a dedicated closed after circuit_open

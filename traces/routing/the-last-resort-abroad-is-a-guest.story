# R3, R5: a stranger served as the last resort counts as a guest, and one over the cap is refused.
# A sick placement needs its cap more than a sound one.

config
  key visa -> visa
  placement visa endpoints=a fallback=spare breaker.failures=1 breaker.open=60s
  placement spare endpoints=a guests=1 health.start=unhealthy

0s  tick
      probe spare/a until 3s
1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  arrive visa as guest1
      forward spare/a dedicated closed after circuit_open
2s  arrive visa as guest2
      reject 503 circuit_open visa dedicated open visa/a

# R1: in the baseline forms fallbacks are followed until they come round; then the default placement ends the list.
# Such files load today, so a cycle must neither hang nor fail.

config
  default tier3
  chain
  key visa -> visa
  defaults breaker.failures=1 breaker.open=60s
  placement visa endpoints=a fallback=acme
  placement acme endpoints=a fallback=visa
  placement tier3 endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 500
      forward acme/a dedicated closed after circuit_open
      opened acme/a until 62s
3s  get visa 200
      forward tier3/a dedicated closed after circuit_open

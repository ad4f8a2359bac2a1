# R1: in the native form the list is the whole list; the fallback's own fallback is not followed.
# What is written in one place is all there is to know.

config
  key visa -> visa
  defaults breaker.failures=1 breaker.open=60s
  placement visa endpoints=a fallback=acme
  placement acme endpoints=a fallback=tier3
  placement tier3 endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 500
      forward acme/a dedicated closed after circuit_open
      opened acme/a until 62s
3s  get visa 200
      reject 503 circuit_open visa dedicated open visa/a

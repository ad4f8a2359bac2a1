# R5: a guest at a full placement that rejects gets 429, with the reason for which it left home.
# A placement that rejects has said that waiting elsewhere is not wanted.

config
  key visa -> visa
  key acme -> acme
  placement visa endpoints=a fallback=acme,spare breaker.failures=1 breaker.open=60s
  placement acme endpoints=a limit=1
  placement spare endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  arrive acme as home
      forward acme/a dedicated closed
3s  arrive visa as guest
      reject 429 limit acme dedicated after circuit_open

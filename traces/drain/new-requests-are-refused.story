# R14: from a drain on every new request is refused with 503 drain; those in flight go on.
# Whoever balances over routers sends them elsewhere.

config
  key visa -> visa
  placement visa endpoints=a

1s  arrive visa as r1
      forward visa/a dedicated closed
2s  drain 10s
      draining until 12s
3s  get visa 200
      reject 503 drain dedicated
4s  finish r1 200

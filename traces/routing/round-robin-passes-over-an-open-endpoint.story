# R2, R10: an endpoint behind its breaker has no turn; the others share.
# Its credits wait for it unchanged, so it comes back without a rush.

config
  key visa -> visa
  placement visa endpoints=a,b,c breaker.failures=1 breaker.open=60s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  repeat 4 get visa 200
      forward visa/b dedicated closed
      forward visa/c dedicated closed
      forward visa/b dedicated closed
      forward visa/c dedicated closed

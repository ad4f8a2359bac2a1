# R5: with `when_full: fail_over` a request beyond the limit goes to the next candidate, with the reason concurrency_limit.
# Work that another placement can do need not be refused.

config
  key visa -> visa
  placement visa endpoints=a limit=1 when_full=fail_over fallback=spare
  placement spare endpoints=a

1s  arrive visa as r1
      forward visa/a dedicated closed
2s  arrive visa as r2
      forward spare/a dedicated closed after concurrency_limit

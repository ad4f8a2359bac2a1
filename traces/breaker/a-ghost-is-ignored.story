# Bad input: the end of an attempt that never was changes nothing.
# Shrinking drops events from a trace, and what is left must still run.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1

1s  finish nobody 500
      ignored unknown_handle
1s  reply nobody 500
      ignored unknown_handle
2s  get visa 200
      forward visa/a dedicated closed

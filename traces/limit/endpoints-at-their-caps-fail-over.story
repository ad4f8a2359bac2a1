# R3, R5: full because of caps is full like any other: with `when_full: fail_over` the request goes on, as concurrency_limit.
# A cap says what a server holds, not what becomes of the rest.

config
  key visa -> visa
  placement visa endpoints=a^1 when_full=fail_over fallback=acme
  placement acme endpoints=a

1s  arrive visa as r1
      forward visa/a dedicated closed
1s  arrive visa as r2
      forward acme/a dedicated closed after concurrency_limit

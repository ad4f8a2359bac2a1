# R5: with `when_full: fail_over` a tenant over its share goes on; when nothing takes it, the answer says what its home said.
# Overflow goes to the fallback, and there it is a guest.

config
  key noisy -> shared
  placement shared endpoints=a limit=4 tenant_share=50% when_full=fail_over fallback=spare
  placement spare endpoints=a limit=1

1s  repeat 2 arrive noisy as n#
      2x forward shared/a dedicated closed
1s  arrive noisy as n3
      forward spare/a dedicated closed after concurrency_limit
1s  arrive noisy as n4
      reject 429 limit spare dedicated after concurrency_limit

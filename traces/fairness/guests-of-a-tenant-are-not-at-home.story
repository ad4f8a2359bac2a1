# R5, R15: a tenant that is divided holds slots here as a guest, by the failure of its other home, and asks for more at home. Where
# guests are capped, what it holds as a guest counts apart.

config
  key visa -> west 50% acme 50%
  placement west endpoints=a fallback=acme limit=1 when_full=fail_over
  placement acme endpoints=a limit=8 guests=4 tenant_share=50%

1s  repeat 8 arrive visa as r#
      forward west/a dedicated closed
      2x forward acme/a dedicated closed
      2x forward acme/a dedicated closed after concurrency_limit
      reject 429 limit west dedicated
      reject 429 fair_share acme dedicated
      reject 429 limit west dedicated

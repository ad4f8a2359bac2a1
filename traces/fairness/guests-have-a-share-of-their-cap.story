# R5, R15: where guests are capped, tenants at home share what the cap leaves and guests share the cap; a guest without a share goes on.
# What guests do moves nothing for those at home.

config
  key visa -> visa
  key home -> acme
  placement visa endpoints=a fallback=acme,spare breaker.failures=1 breaker.open=60s
  placement acme endpoints=a limit=8 guests=4 tenant_share=50%
  placement spare endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  repeat 2 arrive visa as g#
      2x forward acme/a dedicated closed after circuit_open
2s  arrive visa as g3
      forward spare/a dedicated closed after circuit_open
2s  repeat 2 arrive home as h#
      2x forward acme/a dedicated closed
2s  arrive home as h3
      reject 429 fair_share acme dedicated

# R5: all unknown keys together are one tenant.
# A flood of invented keys would else be many tenants that hold nothing.

config
  key small -> shared
  default shared
  placement shared endpoints=a limit=4 tenant_share=50%

1s  repeat 2 arrive x# as x#
      2x forward shared/a default closed
1s  arrive x3 as x3
      reject 429 fair_share shared default
1s  arrive small as s1
      forward shared/a dedicated closed

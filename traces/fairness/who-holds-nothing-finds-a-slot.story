# R5: a tenant that holds nothing is never refused for its share, only when no slot is free at all.
# The last slots are for those who have none.

config
  key a -> shared
  key b -> shared
  key c -> shared
  placement shared endpoints=a limit=3 tenant_share=75%

1s  repeat 2 arrive a as a#
      2x forward shared/a dedicated closed
1s  arrive a as a3
      reject 429 fair_share shared dedicated
1s  arrive b as b1
      forward shared/a dedicated closed
1s  arrive c as c1
      reject 429 limit shared dedicated
2s  finish a1 200
2s  arrive c as c2
      forward shared/a dedicated closed

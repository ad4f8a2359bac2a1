# R5: a tenant alone holds at most its share of the limit, here 50 % of 8; what is beyond is fair_share (429).
# Room that is left is what the next tenant finds at once, without waiting for anybody to finish.

config
  key noisy -> shared
  key small -> shared
  placement shared endpoints=a limit=8 tenant_share=50%

1s  repeat 4 arrive noisy as n#
      4x forward shared/a dedicated closed
1s  arrive noisy as n5
      reject 429 fair_share shared dedicated
1s  repeat 2 arrive small as s#
      2x forward shared/a dedicated closed
1s  arrive small as s3
      reject 429 fair_share shared dedicated
2s  finish n1 200
2s  arrive noisy as n6
      reject 429 fair_share shared dedicated
2s  finish n2 200
2s  arrive small as s4
      forward shared/a dedicated closed

# R5, R12: a push that adds tenant_share counts what comes from then on; one that takes it away forgets the counts.
# Nobody is refused for what came before the rule.

config
  key noisy -> shared
  placement shared endpoints=a limit=4
config fair
  key noisy -> shared
  placement shared endpoints=a limit=4 tenant_share=50%

1s  repeat 2 arrive noisy as n#
      2x forward shared/a dedicated closed
2s  adopt fair
      adopted 0.2
      ack 0.2
2s  arrive noisy as n3
      forward shared/a dedicated closed
2s  arrive noisy as n4
      reject 429 fair_share shared dedicated
3s  finish n1 200
3s  arrive noisy as n5
      reject 429 fair_share shared dedicated

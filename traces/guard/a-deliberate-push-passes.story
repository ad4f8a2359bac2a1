# R13: what the operator marks deliberate is adopted, however much it changes. Nothing else is waived.

config
  guard keys_removed=1% endpoints_removed=10%
  key a -> p
  key b -> p
  placement p endpoints=x,y
config v2
  guard keys_removed=1% endpoints_removed=10%
  key a -> p
  placement p endpoints=z

1s  adopt v2 epoch=1.1
      nack 1.1 keys_removed 50%
2s  adopt v2 epoch=0.1 deliberate=yes
      nack 0.1 epoch_conflict
3s  adopt v2 epoch=1.1 deliberate=yes
      close_idle p/x
      retired p/x
      close_idle p/y
      retired p/y
      adopted 1.1
      ack 1.1

# R13: a rollback is a push like any other, however many epochs lie between: it is held against what is in force. A router that was away for long sees all that changed at once, and stays with what works until somebody says that it is meant.

config v1
  guard limit_lowered=20%
  key a -> p
  placement p endpoints=x limit=100
config v2
  guard limit_lowered=20%
  key a -> p
  placement p endpoints=x limit=200

0s  adopt v1 epoch=1.1
      adopted 1.1
      ack 1.1
1s  adopt v2 epoch=1.2
      adopted 1.2
      ack 1.2
2s  adopt v1 epoch=1.9
      nack 1.9 limit_lowered 50%
3s  adopt v1 epoch=1.9 deliberate=yes
      adopted 1.9
      ack 1.9

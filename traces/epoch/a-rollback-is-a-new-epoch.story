# R12: old content comes back under a higher epoch; under its old one it is stale.
# Time runs forward: the order of epochs is the order in which they were in force.

config v1
  key visa -> visa
  placement visa endpoints=a
config v2
  key visa -> visa
  placement visa endpoints=a limit=5

1s  adopt v1 epoch=1.1
      adopted 1.1
      ack 1.1
2s  adopt v2 epoch=1.2
      adopted 1.2
      ack 1.2
3s  adopt v1 epoch=1.1
      nack 1.1 stale
4s  adopt v1 epoch=1.3
      adopted 1.3
      ack 1.3

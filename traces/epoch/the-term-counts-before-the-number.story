# R12: a new term begins its numbers again and is newer than every number of an older term.
# A control plane that lost its count begins a new term.

config v1
  key visa -> visa
  placement visa endpoints=a
config v2
  key visa -> visa
  placement visa endpoints=a limit=5

1s  adopt v1 epoch=1.900
      adopted 1.900
      ack 1.900
2s  adopt v2 epoch=2.1
      adopted 2.1
      ack 2.1

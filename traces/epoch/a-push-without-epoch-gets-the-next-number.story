# R12: a peer without epochs gets the next number of the term in force.
# Files and the baseline's control plane know no epochs, and still every configuration needs its place in the order.

config v1
  key visa -> visa
  placement visa endpoints=a
config v2
  key visa -> visa
  placement visa endpoints=a limit=5

1s  adopt v1 epoch=4.10
      adopted 4.10
      ack 4.10
2s  adopt v2
      adopted 4.11
      ack 4.11

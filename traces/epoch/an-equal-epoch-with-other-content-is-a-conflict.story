# R12: two contents under one epoch mean that two control planes disagree; the one in force stays.
# To pick one silently would leave the fleet split.

config v1
  key visa -> visa
  placement visa endpoints=a
config other
  key visa -> visa
  placement visa endpoints=b

1s  adopt v1 epoch=3.7
      adopted 3.7
      ack 3.7
2s  adopt other epoch=3.7
      nack 3.7 epoch_conflict
3s  get visa 200
      forward visa/a dedicated closed

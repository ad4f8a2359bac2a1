# R12: the same epoch with the same content again is acked and changes nothing.
# A control plane that did not hear the first ack sends again.

config v1
  key visa -> visa
  placement visa endpoints=a

1s  adopt v1 epoch=3.7
      adopted 3.7
      ack 3.7
2s  adopt v1 epoch=3.7
      ack 3.7

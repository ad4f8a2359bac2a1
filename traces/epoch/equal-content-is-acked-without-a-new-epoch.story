# R12: a push without an epoch gets the next number, unless its content is the one in force: then it is only acked.
# The baseline's control plane sends the whole configuration again on every reconnect.

config
  key visa -> visa
  placement visa endpoints=a
config v2
  key visa -> visa
  placement visa endpoints=a limit=10

1s  adopt v2
      adopted 0.2
      ack 0.2
2s  adopt v2
      ack 0.2

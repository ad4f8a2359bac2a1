# R12: a removed endpoint with nothing in flight is gone with the push; so is a placement.
# There is nothing to wait for.

config
  key visa -> visa
  key acme -> acme
  default acme
  placement visa endpoints=a,b
  placement acme endpoints=a
config v2
  key visa -> visa
  default visa
  placement visa endpoints=a

1s  adopt v2
      close_idle acme/a
      retired acme/a
      close_idle visa/b
      retired visa/b
      adopted 0.2
      ack 0.2
2s  get acme 200
      forward visa/a default closed

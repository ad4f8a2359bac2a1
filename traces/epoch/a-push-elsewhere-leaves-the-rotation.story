# R12, R15: a push that does not touch a placement does not touch its rotation either.
# One tenant's change must not be felt by another.

config
  key visa -> visa
  placement visa endpoints=a,b
config v2
  key visa -> visa
  key acme -> acme
  placement visa endpoints=a,b
  placement acme endpoints=a

1s  get visa 200
      forward visa/a dedicated closed
2s  adopt v2
      adopted 0.2
      ack 0.2
3s  get visa 200
      forward visa/b dedicated closed

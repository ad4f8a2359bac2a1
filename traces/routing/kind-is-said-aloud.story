# R1: `kind` says what a placement is; its name is only the baseline's way to say it.
# A cell may be called tier1 without being one.

config
  key acme -> tier1
  key visa -> pool
  placement tier1 endpoints=a kind=dedicated
  placement pool endpoints=a kind=tier

1s  get acme 200
      forward tier1/a dedicated closed
1s  get visa 200
      forward pool/a tier closed

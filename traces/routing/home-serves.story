# R1, R4: a known key is served by its own placement, and the answer names that placement.
# Everything else that the router does is an exception to this.

config
  key visa -> visa
  key acme -> tier1
  placement visa endpoints=a
  placement tier1 endpoints=a

1s  get visa 200
      forward visa/a dedicated closed
2s  get acme 200
      forward tier1/a tier closed

# R1: where nothing else is hashed, the request's own id decides the side of a split.
# Exact over many requests, with no state: no count that two routers would have to share.

config
  key nordbank -> cell-07 70% cell-12 30%
  placement cell-07 endpoints=a
  placement cell-12 endpoints=a

# Where they fall: 39.8%, 32.0%, 2.3%, 63.3%, 50.2%, 74.5%, 85.6%.
1s  repeat 5 get nordbank 200
      5x forward cell-07/a dedicated closed
2s  repeat 2 get nordbank 200
      2x forward cell-12/a dedicated closed

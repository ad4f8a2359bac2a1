# R1: one key may belong to different placements by different routes, and each route says where unknown keys go.
# Two products with tables of their own can share a router without sharing names.

config
  key acme -> cell-a
  default shared
  table partners
  in partners acme -> cell-b
  route table=partners reject=404
  route default=cell-b
  placement cell-a endpoints=a
  placement cell-b endpoints=a
  placement shared endpoints=a

1s  get acme 200
      forward cell-a/a dedicated closed
1s  get acme 200 route=1
      forward cell-b/a dedicated closed
1s  get acme 200 route=2
      forward cell-a/a dedicated closed
2s  get nobody 200
      forward shared/a default closed
2s  get nobody 200 route=1
      reject 404 unknown_key
2s  get nobody 200 route=2
      forward cell-b/a default closed
3s  get - 200 route=1
      reject 400 no_key

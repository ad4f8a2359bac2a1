# R1, R12: the number of a route means nothing under another configuration.
# The edge resolves again; what still comes under the old epoch must not be served by whatever has that number now.

config
  key acme -> cell-a
  table partners
  in partners acme -> cell-b
  route table=partners
  placement cell-a endpoints=a
  placement cell-b endpoints=a

config less
  key acme -> cell-a
  placement cell-a endpoints=a
  placement cell-b endpoints=a

1s  get acme 200 route=1
      forward cell-b/a dedicated closed
2s  adopt less
      adopted 0.2
      ack 0.2
3s  get acme 200 route=1 epoch=0.1
      ignored bad_route
      reject 500 internal
4s  get acme 200
      forward cell-a/a dedicated closed

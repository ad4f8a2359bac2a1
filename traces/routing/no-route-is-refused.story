# R1: a request that no route takes is refused, and recorded as what it is.
# It is neither an unknown key nor a fault of the router: nobody has said what to do with that host.

config
  key acme -> cell-a
  route reject=404
  placement cell-a endpoints=a

config other
  key acme -> cell-a
  route reject=404
  no_route reject 421
  placement cell-a endpoints=a

1s  get - 200 refuse=no_route
      reject 404 no_route
2s  get - 200 refuse=unauthorized
      reject 401 unauthorized
3s  adopt other
      adopted 0.2
      ack 0.2
4s  get - 200 refuse=no_route
      reject 421 no_route

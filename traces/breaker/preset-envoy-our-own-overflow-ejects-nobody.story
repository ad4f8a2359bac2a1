# R6, R7, preset envoy: what the router refuses for want of room, or drops as its own fault, is no outcome of the endpoint.
# An Envoy that overflows its own limits books 503 on hosts that never saw the request (envoy#25487).

config
  key visa -> visa
  placement visa endpoints=a,b select=first limit=1 breaker.preset=envoy

1s  arrive visa as only
      forward visa/a dedicated closed
1s  repeat 6 get visa 200
      6x reject 429 limit visa dedicated
2s  finish only internal
3s  repeat 6 get visa internal
      6x forward visa/a dedicated closed
4s  get visa 200
      forward visa/a dedicated closed

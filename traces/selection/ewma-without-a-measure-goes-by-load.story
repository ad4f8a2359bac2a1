# R10: where either of two has no latency yet, those in flight decide alone: an endpoint that nobody measured is not infinitely fast.
# Else the first request after a start would pull all others to the same endpoint.

config
  key visa -> visa
  placement visa endpoints=a,b select=ewma breaker=off

1s  arrive visa as r1
      forward visa/a dedicated closed
1.5s  finish r1 200
2s  repeat 4 arrive visa as s#
      forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/a dedicated closed
      forward visa/b dedicated closed

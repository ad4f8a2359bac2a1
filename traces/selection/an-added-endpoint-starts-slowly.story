# R10: an endpoint that a push adds starts slowly; those of the first configuration do not.
# An autoscaler adds it because there is load; at the start of the router everybody is as cold.

config
  key visa -> visa
  placement visa endpoints=b select=first slow_start=10s
config more
  key visa -> visa
  placement visa endpoints=a,b select=first slow_start=10s

1s  repeat 3 get visa 200
      3x forward visa/b dedicated closed
2s  adopt more
      adopted 0.2
      ack 0.2
2s  repeat 20 get visa 200
      forward visa/b dedicated closed
      forward visa/a dedicated closed
      18x forward visa/b dedicated closed
12s  repeat 3 get visa 200
      3x forward visa/a dedicated closed

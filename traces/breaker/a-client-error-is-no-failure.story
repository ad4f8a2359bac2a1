# R7: an upstream status below 500 is an answer, 4xx included, and it resets the count.
# A 404 is the client's doing; an endpoint that answers it works.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=2

1s  repeat 3 get visa 404
      3x forward visa/a dedicated closed
2s  get visa 500
      forward visa/a dedicated closed
2s  get visa 499
      forward visa/a dedicated closed
2s  get visa 500
      forward visa/a dedicated closed

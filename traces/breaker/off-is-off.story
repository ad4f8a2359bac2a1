# R6: with `breaker: none` no number of failures keeps a request away; the header says closed.
# Some upstreams answer 500 as their way of talking.

config
  key visa -> visa
  placement visa endpoints=a breaker=off

1s  repeat 20 get visa 500
      20x forward visa/a dedicated closed

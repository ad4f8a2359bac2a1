# R6: failures count in a row; one success in between starts the count again.
# An endpoint that answers most requests is worth more than none.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=3

1s  repeat 2 get visa 500
      2x forward visa/a dedicated closed
2s  get visa 200
      forward visa/a dedicated closed
3s  repeat 2 get visa 500
      2x forward visa/a dedicated closed
4s  get visa 200
      forward visa/a dedicated closed

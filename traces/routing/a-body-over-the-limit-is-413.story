# R16: a body longer than the placement's limit is refused before anything is sent; one of exactly the limit is not.
# The upstream should not have to read what it will not take.

config
  key visa -> visa
  placement visa endpoints=a body_max=100

1s  get visa 200 length=101
      reject 413 body_too_large visa dedicated
2s  get visa 200 length=100
      forward visa/a dedicated closed

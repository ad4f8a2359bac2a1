# R10: where no cookie is configured the preference is not read.
# A cookie of another time or a forged one moves no request.

config
  key visa -> visa
  placement visa endpoints=a,b

1s  repeat 2 get visa 200 prefer=visa/b
      forward visa/a dedicated closed
      forward visa/b dedicated closed

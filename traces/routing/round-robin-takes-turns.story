# R10: round robin, the default, gives every admissible endpoint its turn, in order of URL.
# Order in the file carries no meaning, so that sorting a file changes nothing.

config
  key visa -> visa
  placement visa endpoints=c,a,b

1s  repeat 4 get visa 200
      forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/c dedicated closed
      forward visa/a dedicated closed

# R10, R12: credits mean something only among the same peers and weights; when these change the turns begin anew.
# An old credit would give a run of turns to one endpoint.

config
  key visa -> visa
  placement visa endpoints=a,b
config v2
  key visa -> visa
  placement visa endpoints=a,b,c

1s  get visa 200
      forward visa/a dedicated closed
2s  adopt v2
      adopted 0.2
      ack 0.2
3s  repeat 3 get visa 200
      forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/c dedicated closed

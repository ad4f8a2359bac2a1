# R5: a window is open only while something comes; few answers say too little, and move nothing.
# A placement at rest wakes nobody.

config
  key visa -> visa
  placement visa endpoints=a adaptive.min=2 adaptive.max=8 adaptive.window=1s

1s  repeat 29 get visa 200
      29x forward visa/a dedicated closed
2s  tick
3s  tick
60s repeat 30 get visa 200
      30x forward visa/a dedicated closed
61s tick
      limit_changed visa 4

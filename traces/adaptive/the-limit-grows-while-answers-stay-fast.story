# R5: an adaptive limit doubles at the end of each window in which it was half used, as long as answers come as fast as before.
# A placement that was just started learns its limit in a few windows.

config
  key visa -> visa
  placement visa endpoints=a adaptive.min=2 adaptive.max=6 adaptive.window=1s

1s  repeat 30 get visa 200
      30x forward visa/a dedicated closed
2s  tick
      limit_changed visa 4
2s  repeat 30 get visa 200
      30x forward visa/a dedicated closed
2s  repeat 5 arrive visa as r#
      4x forward visa/a dedicated closed
      reject 429 limit visa dedicated
3s  tick
      limit_changed visa 6

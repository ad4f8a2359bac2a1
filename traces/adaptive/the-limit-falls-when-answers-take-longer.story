# R5: when answers take longer than the calm latency allows, the limit falls by their ratio, at most to a half, smoothed.
# Work that waits in a server's line is better refused at the door: here 100 ms become 400 ms, and 32 becomes 26.

config
  key visa -> visa
  placement visa endpoints=a adaptive.min=2 adaptive.max=32 adaptive.start=32 adaptive.window=1s

1s  repeat 30 arrive visa as a#
      30x forward visa/a dedicated closed
1.1s repeat 30 finish a# 200
2.1s repeat 30 arrive visa as b#
      30x forward visa/a dedicated closed
2.5s repeat 30 finish b# 200
3s  tick
      limit_changed visa 26
3.1s repeat 27 arrive visa as c#
      26x forward visa/a dedicated closed
      reject 429 limit visa dedicated

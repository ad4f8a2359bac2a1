# R6, baseline defaults: five failures, open for 30 s, constant, without jitter.
# Teams that come from the baseline must find its figures unchanged.

config
  key visa -> visa
  placement visa endpoints=a

1s  repeat 5 get visa 500
      5x forward visa/a dedicated closed
      opened visa/a until 31s
31s get visa 500
      half_opened visa/a
      forward visa/a dedicated half_open probe
      opened visa/a until 61s

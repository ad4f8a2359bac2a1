# R10: the count in flight is weighed: b, with three times the share, takes three of four.
# A larger machine is as busy as a small one at a higher count.

config
  key visa -> visa
  placement visa endpoints=a@100%,b@300% select=least_request

1s  repeat 4 arrive visa as r#
      2x forward visa/b dedicated closed
      forward visa/a dedicated closed
      forward visa/b dedicated closed

# R13: the control plane may go and come back; the last good configuration serves for ever.
# A router that stopped serving when the control plane does would make two outages of one.

config
  key visa -> visa
  placement visa endpoints=a,b

1s  get visa 200
      forward visa/a dedicated closed
2s  control down
      control
86400s get visa 200
      forward visa/b dedicated closed
86401s control up
      control
86402s get visa 200
      forward visa/a dedicated closed

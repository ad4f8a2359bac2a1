# R2, R3: an unhealthy endpoint gets no request while a peer is sound.
# That is all that health is for.

config
  key visa -> visa
  placement visa endpoints=a,b health.fall=1

0s  tick
      probe visa/a until 3s
      probe visa/b until 3s
1s  probed visa/a fail
      unhealthy visa/a
1s  probed visa/b ok
2s  repeat 3 get visa 200
      3x forward visa/b dedicated closed

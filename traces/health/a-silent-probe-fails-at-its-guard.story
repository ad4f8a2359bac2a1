# R8: a probe that has not reported timeout + 1 s after it was sent has failed; a later report is ignored.
# A probe that hangs for ever is the plainest sign of all.

config
  key visa -> visa
  placement visa endpoints=a health.fall=1

0s  tick
      probe visa/a until 3s
4s  tick
      unhealthy visa/a at 3s
5s  probed visa/a ok
      ignored late_probe

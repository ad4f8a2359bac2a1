# Bad input: a second report of one probe is ignored.
# Counted twice, one lost packet would be two failures in a row.

config
  key visa -> visa
  placement visa endpoints=a health.fall=2

0s  tick
      probe visa/a until 3s
1s  probed visa/a fail
1s  probed visa/a fail
      ignored late_probe

# Bad input: a second report of one probe, or one of a token that was never given, is ignored.

config
  key visa -> visa
  placement visa endpoints=a health.fall=2

0s  probed visa/a fail
      probe visa/a until 3s
      ignored late_probe

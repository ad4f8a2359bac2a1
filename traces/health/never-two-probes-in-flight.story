# R8: while a probe is out the next one waits, however often its time comes.
# A sick endpoint is not helped by a queue of probes.

config
  key visa -> visa
  placement visa endpoints=a health.every=1s health.timeout=30s

0s  tick
      probe visa/a until 31s
5s  tick
6s  probed visa/a ok
10s tick
      probe visa/a until 41s at 6.58444509s

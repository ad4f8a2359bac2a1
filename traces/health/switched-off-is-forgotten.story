# R8, R12: a push that switches health off forgets what probes said, and probes no more.
# An unhealthy mark that no probe can lift would last for ever.

config
  key visa -> visa
  placement visa endpoints=a fallback=spare health.fall=1
  placement spare endpoints=a
config v2
  key visa -> visa
  placement visa endpoints=a fallback=spare
  placement spare endpoints=a

0s  tick
      probe visa/a until 3s
1s  probed visa/a fail
      unhealthy visa/a
2s  get visa 200
      forward spare/a dedicated closed after upstream_unhealthy
3s  adopt v2
      adopted 0.2
      ack 0.2
4s  get visa 200
      forward visa/a dedicated closed
60s tick

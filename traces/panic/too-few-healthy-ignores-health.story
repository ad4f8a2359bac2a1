# R9: with fewer of its endpoints usable than panic_percent asks, a placement ignores health and spreads over all of them.
# When most servers look ill at once, the probes or the network are ill; the few that look well cannot carry the load of all.

config
  key visa -> visa
  placement visa endpoints=a,b,c,d panic_percent=50% health.every=10s health.fall=1 health.rise=1

0s  tick
      probe visa/a until 3s
      probe visa/b until 3s
      probe visa/c until 3s
      probe visa/d until 3s
1s  probed visa/a fail
      unhealthy visa/a
1s  probed visa/b fail
      unhealthy visa/b
1s  repeat 2 get visa 200
      forward visa/c dedicated closed
      forward visa/d dedicated closed
2s  probed visa/c fail
      unhealthy visa/c
      panic_entered visa usable=1
2s  repeat 4 get visa 200
      forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/c dedicated closed
      forward visa/d dedicated closed

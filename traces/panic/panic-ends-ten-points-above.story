# R9: panic ends when ten points of a hundred more endpoints are usable than it takes to begin.
# One server that comes and goes must not move the whole load with it.

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
1s  probed visa/c fail
      unhealthy visa/c
      panic_entered visa usable=1
1s  probed visa/d ok
30s tick
      probe visa/c until 33s at 4.425977088s
      probe visa/d until 33s at 4.786332267s
      probe visa/a until 33s at 5.555819259s
      probe visa/b until 33s at 9.403936227s
30s probed visa/a ok
      healthy visa/a
31s probed visa/b ok
      healthy visa/b
      panic_left visa usable=3

# R8: `fall` probes failed in a row, 3 by default, make an endpoint unhealthy; the fallback is preferred from then on.
# The baseline flips on one lost probe.

config
  key visa -> visa
  placement visa endpoints=a fallback=spare health=on
  placement spare endpoints=a

0s  tick
      probe visa/a until 3s
1s  probed visa/a fail
20s tick
      probe visa/a until 23s at 5.555819259s
21s probed visa/a fail
22s get visa 200
      forward visa/a dedicated closed
40s tick
      probe visa/a until 43s at 25.278070666s
41s probed visa/a fail
      unhealthy visa/a
42s get visa 200
      forward spare/a dedicated closed after upstream_unhealthy

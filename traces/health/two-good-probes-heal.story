# R8: `rise` probes passed in a row, 2 by default, make an endpoint healthy again.
# One good answer from an endpoint that is coming up is too little.

config
  key visa -> visa
  placement visa endpoints=a fallback=spare health.start=unhealthy
  placement spare endpoints=a

0s  tick
      probe visa/a until 3s
1s  probed visa/a ok
2s  get visa 200
      forward spare/a dedicated closed after upstream_unhealthy
20s tick
      probe visa/a until 23s at 5.555819259s
21s probed visa/a ok
      healthy visa/a
22s get visa 200
      forward visa/a dedicated closed

# Flaw 11: one failed probe makes an endpoint unhealthy, one good probe heals it. R8: three in a row, and a good one between starts the count again.

config
  default tier3
  chain
  key visa -> visa
  placement visa endpoints=a health=on
  placement tier3 endpoints=a

0s  tick
      probe visa/a until 3s
1s  probed visa/a fail
20s tick
      probe visa/a until 23s at 5.555819259s
21s probed visa/a fail
40s tick
      probe visa/a until 43s at 25.278070666s
41s probed visa/a ok
60s tick
      probe visa/a until 63s at 45.734611629s
61s probed visa/a fail
62s get visa 200
      forward visa/a dedicated closed

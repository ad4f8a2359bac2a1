# R3, R5: a home tenant served as the last resort is still at home, even where `guests: none` keeps strangers out.
# Otherwise a closed cell would turn its own tenants away as soon as its health check fails.

config
  key visa -> visa
  placement visa endpoints=a guests=none health.start=unhealthy

0s  tick
      probe visa/a until 3s
1s  get visa 200
      forward visa/a dedicated closed

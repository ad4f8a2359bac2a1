# R3: a placement that refuses the last resort is left as upstream_unhealthy, and the next candidate may be one.
# One tenant's strictness is no reason to fail when its fallback would serve.

config
  key visa -> visa
  defaults health.start=unhealthy
  placement visa endpoints=a last_resort=refuse fallback=spare
  placement spare endpoints=a

0s  tick
      probe spare/a until 3s
      probe visa/a until 3s
1s  get visa 200
      forward spare/a dedicated closed after upstream_unhealthy

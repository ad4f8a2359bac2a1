# R3: of several endpoints that only health blocks, the first in order of URL is the last resort, whatever the policy.
# The choice must not depend on a draw, or two routers would part ways.

config
  key acme -> acme
  placement acme endpoints=b,a,c select=least_request health.start=unhealthy

0s  tick
      probe acme/a until 3s
      probe acme/b until 3s
      probe acme/c until 3s
1s  repeat 3 arrive acme as r#
      3x forward acme/a dedicated closed

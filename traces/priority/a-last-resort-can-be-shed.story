# R3, R5: a last resort that a share keeps from serving is refused for that share. The only endpoint is ill and would serve; its
# placement sheds this priority, and "limit" would send the reader to the wrong setting.

config
  key visa -> shop
  placement shop endpoints=a limit=2 priorities=100,50 health.every=1s health.start=unhealthy

0s    tick
      probe shop/a until 3s
10ms  arrive visa as one
      forward shop/a dedicated closed
10ms  arrive visa as report priority=1
      reject 503 shed shop dedicated

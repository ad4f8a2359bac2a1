# R5, R2: who waits has its turn when an endpoint becomes healthy. The other is at its cap with a stream that does not end, and no
# attempt that ends would ever give a turn.

config
  key visa -> shop
  placement shop endpoints=a^1,b^1 limit=9 queue=2 wait=5s health.every=1s health.fall=1 health.rise=1 health.timeout=500ms

0s    tick
      probe shop/a until 1.5s
      probe shop/b until 1.5s
10ms  probed shop/a ok
10ms  probed shop/b fail
      unhealthy shop/b
20ms  arrive visa as stream
      forward shop/a dedicated closed
30ms  arrive visa as two
      queued shop dedicated place=1 until 5.03s
1.2s  tick
      probe shop/a until 2.7s at 0.213249158s
      probe shop/b until 2.7s at 0.584464479s
1.2s  probed shop/b ok
      healthy shop/b
      forward shop/b dedicated closed for two

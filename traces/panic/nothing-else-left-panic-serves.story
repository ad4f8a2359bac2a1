# R9, R3: where every candidate is left, one that was left in panic serves after all, by its own selection: health never blocks a request.
# With `last_resort: refuse` it is 503.

config
  key visa -> visa
  key acme -> acme
  defaults panic_percent=100% panic=fail_over health.every=10s health.fall=1
  placement visa endpoints=a,b,c
  placement acme endpoints=a,b last_resort=refuse

0s  tick
      probe acme/a until 3s
      probe acme/b until 3s
      probe visa/a until 3s
      probe visa/b until 3s
      probe visa/c until 3s
1s  probed visa/a fail
      unhealthy visa/a
      panic_entered visa usable=2
1s  repeat 2 arrive visa as r#
      forward visa/b dedicated closed
      forward visa/c dedicated closed
1s  probed acme/a fail
      unhealthy acme/a
      panic_entered acme usable=1
1s  arrive acme as s
      reject 503 no_endpoint acme dedicated

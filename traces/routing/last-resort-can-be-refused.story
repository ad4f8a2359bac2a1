# R3: `last_resort: refuse` makes health block a request, as no_endpoint and without a circuit state.
# Some tenants would rather fail than be served by an endpoint known to be sick.

config
  key visa -> visa
  placement visa endpoints=a last_resort=refuse health.start=unhealthy

1s  tick
      probe visa/a until 4s at 0s
2s  get visa 200
      reject 503 no_endpoint visa dedicated

# R5: requests that came by failover are capped by `guests`; one over the cap goes on to its next candidate.
# The home tenants of the neighbour keep their room.

config
  key visa -> visa
  key acme -> acme
  placement visa endpoints=a fallback=acme,spare breaker.failures=1 breaker.open=60s
  placement acme endpoints=a limit=3 guests=1
  placement spare endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  arrive visa as guest1
      forward acme/a dedicated closed after circuit_open
2s  arrive visa as guest2
      forward spare/a dedicated closed after circuit_open
3s  repeat 2 arrive acme as home#
      2x forward acme/a dedicated closed

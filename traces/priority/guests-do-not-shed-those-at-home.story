# R5, R15: where guests are capped, shares are of what the cap leaves for those at home, and of the cap for guests; a guest that is shed goes on.
# A neighbour's failure must not shed the home's background work.

config
  key visa -> visa
  key home -> acme
  placement visa endpoints=a fallback=acme,spare breaker.failures=1 breaker.open=60s
  placement acme endpoints=a limit=8 guests=4 priorities=100,50
  placement spare endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  repeat 2 arrive visa as g# priority=1
      2x forward acme/a dedicated closed after circuit_open
2s  arrive visa as g3 priority=1
      forward spare/a dedicated closed after circuit_open
2s  repeat 2 arrive home as h# priority=1
      2x forward acme/a dedicated closed
2s  arrive home as h3 priority=1
      reject 503 shed acme dedicated
2s  repeat 4 arrive home as c#
      4x forward acme/a dedicated closed

# R5: guests are counted while they are in flight.
# The cap is a share of the room, not a count of visits.

config
  key visa -> visa
  placement visa endpoints=a fallback=acme breaker.failures=1 breaker.open=60s
  placement acme endpoints=a guests=1

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  arrive visa as guest1
      forward acme/a dedicated closed after circuit_open
2s  arrive visa as guest2
      reject 503 circuit_open visa dedicated open visa/a
3s  finish guest1 200
3s  arrive visa as guest3
      forward acme/a dedicated closed after circuit_open

# R7: what Reply has booked, Finish does not book again.
# Counted twice, one slow failure would weigh as much as two requests.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=2 breaker.open=5s

1s  arrive visa as stream
      forward visa/a dedicated closed
2s  reply stream 500
3s  finish stream 500
4s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 9s

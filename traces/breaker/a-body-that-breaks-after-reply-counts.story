# R7: a long body books its outcome at Reply; if it breaks later that is one failure more.
# A good status does not make up for half a body.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s

1s  arrive visa as stream
      forward visa/a dedicated closed
2s  reply stream 200
9s  finish stream broken_body
      opened visa/a until 14s

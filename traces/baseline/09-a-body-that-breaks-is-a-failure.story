# Flaw 9: a response that breaks half-way looks complete. R7: it is a failure of the endpoint, as is a timeout.

config
  default tier3
  chain
  key visa -> visa
  placement visa endpoints=a breaker.failures=2 breaker.open=5s
  placement tier3 endpoints=a

1s  get visa response_timeout
      forward visa/a dedicated closed
2s  get visa broken_body
      forward visa/a dedicated closed
      opened visa/a until 7s

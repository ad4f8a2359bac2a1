# R7, R16: each of the upstream classes is one failure; ten of ten different ones open the breaker.
# The client is told different things, but each says that the endpoint did not serve.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=10 breaker.open=5s

1s  get visa dns
      forward visa/a dedicated closed
1s  get visa connect_refused
      forward visa/a dedicated closed
1s  get visa connect_timeout
      forward visa/a dedicated closed
1s  get visa tls
      forward visa/a dedicated closed
1s  get visa reset_before_response
      forward visa/a dedicated closed
1s  get visa response_timeout
      forward visa/a dedicated closed
1s  get visa bad_response
      forward visa/a dedicated closed
1s  get visa upstream_5xx
      forward visa/a dedicated closed
1s  get visa broken_body
      forward visa/a dedicated closed
1s  get visa body_timeout
      forward visa/a dedicated closed
      opened visa/a until 6s

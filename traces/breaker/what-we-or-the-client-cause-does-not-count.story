# R7, R16: our own refusals and clients that went away neither count as failures nor reset the count.
# They say nothing about the endpoint, good or bad.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=2 breaker.open=5s

1s  get visa 500
      forward visa/a dedicated closed
2s  get visa client_gone
      forward visa/a dedicated closed
2s  get visa bad_request
      forward visa/a dedicated closed
2s  get visa body_too_large
      forward visa/a dedicated closed
2s  get visa limit
      forward visa/a dedicated closed
2s  get visa queue_timeout
      forward visa/a dedicated closed
2s  get visa drain
      forward visa/a dedicated closed
2s  get visa internal
      forward visa/a dedicated closed
3s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 8s

# R6, R11: a retry that a late Step forwards is a half-open probe whose guard runs from when it is sent. As of when it was due, the
# guard would be over at once, and the breaker would open again on a request that has just left.

config
  key visa -> shop
  placement shop endpoints=a breaker.failures=1 breaker.open=10ms retries=1 retries.on=reset retries.backoff=50ms connect=1s response_header=1s

1s   arrive visa as one
      forward shop/a dedicated closed
1s   finish one reset_before_response
      opened shop/a until 1.01s
      retry shop/a reset_before_response attempt=2 until 1.014979559s
20s  tick
      half_opened shop/a at 1.014979559s
      forward shop/a dedicated half_open probe attempt=2 for one at 1.014979559s

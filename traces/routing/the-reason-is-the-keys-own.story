# R4: X-Route-Reason is the key's own route, whoever serves in the end.
# Logs by reason must not change because an endpoint failed.

config
  key acme -> tier1
  default tier1
  placement tier1 endpoints=a fallback=spare breaker.failures=1 breaker.open=60s
  placement spare endpoints=a kind=dedicated

1s  get acme 500
      forward tier1/a tier closed
      opened tier1/a until 61s
2s  get acme 200
      forward spare/a tier closed after circuit_open
3s  get stranger 200
      forward spare/a default closed after circuit_open

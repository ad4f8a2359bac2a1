# R2, R3: a placement is left only when none of its endpoints is admissible; a sound peer is no failover.
# Leaving home moves a tenant's data path; a peer does not.

config
  key visa -> visa
  placement visa endpoints=a,b select=first fallback=spare breaker.failures=1 breaker.open=60s
  placement spare endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  get visa 200
      forward visa/b dedicated closed

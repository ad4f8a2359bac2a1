# R1, R3: the part that a request falls into is its home: its candidates are that placement's own.
# A split says who belongs where, not who helps whom.

config
  key nordbank -> cell-07 50% cell-12 50%
  placement cell-07 endpoints=a fallback=spare breaker.failures=1
  placement cell-12 endpoints=a breaker.failures=1
  placement spare endpoints=a

1s  get nordbank connect_refused user=u1
      forward cell-12/a dedicated closed
      opened cell-12/a until 31s
1s  get nordbank connect_refused user=u2
      forward cell-07/a dedicated closed
      opened cell-07/a until 31s
2s  get nordbank 200 user=u1
      reject 503 circuit_open cell-12 dedicated open cell-12/a
2s  get nordbank 200 user=u2
      forward spare/a dedicated closed after circuit_open

# R10: when an endpoint is lost, its keys move and no other key does; when it is back, so are they.
# That is what keeps the caches of the remaining endpoints warm. (Which key is whose is hashed.)

config
  default pool
  placement pool endpoints=a,b,c select=rendezvous breaker.failures=1 breaker.open=5s

1s  get k1 200
      forward pool/b default closed
1s  get k2 200
      forward pool/b default closed
1s  get k3 200
      forward pool/b default closed
1s  get k4 200
      forward pool/c default closed
1s  get k5 200
      forward pool/a default closed
1s  get k6 200
      forward pool/c default closed
2s  get k4 500
      forward pool/c default closed
      opened pool/c until 7s
3s  get k1 200
      forward pool/b default closed
3s  get k2 200
      forward pool/b default closed
3s  get k3 200
      forward pool/b default closed
3s  get k4 200
      forward pool/b default closed
3s  get k5 200
      forward pool/a default closed
3s  get k6 200
      forward pool/b default closed
7s  get k4 200
      half_opened pool/c
      forward pool/c default half_open probe
      closed pool/c
8s  get k6 200
      forward pool/c default closed

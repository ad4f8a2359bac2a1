# R13: before the first configuration every request gets 503; from the adoption on it is served.
# There is nowhere to send it, and the client may try another router.

config v1
  key visa -> visa
  placement visa endpoints=a

1s  get visa 200
      reject 503 not_ready
2s  adopt v1
      adopted 0.1
      ack 0.1
3s  get visa 200
      forward visa/a dedicated closed

# R12, R13: a push that does not compile, or cannot be made durable, is answered with Nack; the state stays as it was, to the digest.
# Half a configuration is worse than an old one.

config
  key visa -> visa
  placement visa endpoints=a

1s  adopt invalid epoch=1.1
      nack 1.1 invalid
2s  adopt not_persisted epoch=1.2
      nack 1.2 not_persisted
3s  adopt invalid
      nack 0.0 invalid
4s  get visa 200
      forward visa/a dedicated closed

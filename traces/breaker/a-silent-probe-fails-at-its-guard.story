# R6: a half-open probe that never answers fails at connect + response_header + 1 s; its late answer no longer counts.
# Otherwise one lost probe would keep the breaker half open, and the endpoint out of use, for ever.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s connect=1s response_header=3s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  arrive visa as probe
      half_opened visa/a
      forward visa/a dedicated half_open probe
12s tick
      opened visa/a until 16s at 11s
13s finish probe 200
      ignored old_generation
14s get visa 200
      reject 503 circuit_open visa dedicated open visa/a

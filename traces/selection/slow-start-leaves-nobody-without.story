# R10: if every admissible endpoint is in its slow start and the draw leaves none, all stay.
# A slow start spreads load, it refuses nobody.

config
  key visa -> visa
  placement visa endpoints=a slow_start=10s breaker.failures=1 breaker.open=1s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 2s
2s  get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
      closed visa/a
2s  repeat 10 get visa 200
      10x forward visa/a dedicated closed

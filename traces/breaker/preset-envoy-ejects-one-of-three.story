# R6, preset envoy: max_open is 10 %, and of three endpoints that is still one.
# Envoy ejects none of fewer than ten hosts at its default of 10 %.

config
  key visa -> visa
  placement visa endpoints=a,b,c select=first breaker.preset=envoy

1s  repeat 5 get visa 500
      5x forward visa/a dedicated closed
      opened visa/a until 31s
2s  repeat 5 get visa 500
      5x forward visa/b dedicated closed
      trip_capped visa/b open=1
31s  get visa 500
      half_opened visa/a
      forward visa/a dedicated half_open probe
      opened visa/a until 91s
91s  get visa 500
      half_opened visa/a
      forward visa/a dedicated half_open probe
      opened visa/a until 211s

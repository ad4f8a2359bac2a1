# R3, R6: during half_open the requests that are not the probe go to the fallback.
# They would share the probe's fate if it fails.

config
  key visa -> visa
  placement visa endpoints=a fallback=spare breaker.failures=1 breaker.open=5s
  placement spare endpoints=a

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  arrive visa as probe
      half_opened visa/a
      forward visa/a dedicated half_open probe
6s  repeat 3 get visa 200
      3x forward spare/a dedicated closed after circuit_open
7s  finish probe 200
      closed visa/a

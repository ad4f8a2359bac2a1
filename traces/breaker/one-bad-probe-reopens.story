# R6: a failure in half_open reopens at once, whatever succeeded before it; the other probe's answer is then old.
# The endpoint is suspect; one failure confirms it.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s breaker.probes=2 breaker.successes=2

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
6s  arrive visa as p2
      forward visa/a dedicated half_open probe
6s  arrive visa as p3
      forward visa/a dedicated half_open probe
7s  finish p2 500
      opened visa/a until 12s
8s  finish p3 200
      ignored old_generation

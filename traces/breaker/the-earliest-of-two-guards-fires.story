# R6: each probe out has a guard of its own; the earliest one that passes reopens the breaker.
# One guard for all would let a lost probe hide behind a later one.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s breaker.probes=2 breaker.successes=2 connect=1s response_header=3s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  arrive visa as p1
      half_opened visa/a
      forward visa/a dedicated half_open probe
8s  arrive visa as p2
      forward visa/a dedicated half_open probe
9s  finish p1 200
14s tick
      opened visa/a until 18s at 13s

# R6: `probes: 2` admits two requests in half_open, and each answer makes room for another.
# A busy placement gets its evidence faster.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s breaker.probes=2 breaker.successes=3

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  arrive visa as p1
      half_opened visa/a
      forward visa/a dedicated half_open probe
6s  arrive visa as p2
      forward visa/a dedicated half_open probe
6s  arrive visa as p3
      reject 503 circuit_open visa dedicated half_open visa/a
7s  finish p1 200
7s  arrive visa as p4
      forward visa/a dedicated half_open probe
8s  finish p2 200
8s  finish p4 200
      closed visa/a

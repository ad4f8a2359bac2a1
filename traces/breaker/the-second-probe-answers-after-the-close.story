# R6: when the first of two probes closes the breaker, a failure of the second belongs to an old generation.
# Both were sent to test the endpoint, and the test is over.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s breaker.probes=2

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  arrive visa as p1
      half_opened visa/a
      forward visa/a dedicated half_open probe
6s  arrive visa as p2
      forward visa/a dedicated half_open probe
7s  finish p1 200
      closed visa/a
8s  finish p2 500
      ignored old_generation

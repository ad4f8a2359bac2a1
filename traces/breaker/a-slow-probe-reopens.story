# R6: with slow_ratio a half-open probe that is slow counts as failed, though its answer is good.
# An endpoint that is slow and nothing else would close its breaker with every test, and take a window of requests down each time.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.slow_ratio=50% breaker.slow_call=2s breaker.min_requests=1

1s  arrive visa as r1
      forward visa/a dedicated closed
3s  finish r1 200
      opened visa/a until 8s by slow
8s  arrive visa as r2
      half_opened visa/a
      forward visa/a dedicated half_open probe
10s  finish r2 200
      opened visa/a until 15s
15s  get visa 200
      half_opened visa/a
      forward visa/a dedicated half_open probe
      closed visa/a
16s  arrive visa as r3
      forward visa/a dedicated closed
18s  finish r3 200
      opened visa/a until 23s by slow
23s  arrive visa as r4
      half_opened visa/a
      forward visa/a dedicated half_open probe
25s  finish r4 client_gone
26s  get visa 200
      forward visa/a dedicated half_open probe
      closed visa/a

# R6: when a probe's place is handed back its guard goes with it: nothing fails later in its name.
# A guard left armed would reopen the breaker without any failure.

config
  key visa -> visa
  placement visa endpoints=a breaker.failures=1 breaker.open=5s connect=1s response_header=3s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 6s
6s  get visa client_gone
      half_opened visa/a
      forward visa/a dedicated half_open probe
60s tick
60s get visa 200
      forward visa/a dedicated half_open probe
      closed visa/a

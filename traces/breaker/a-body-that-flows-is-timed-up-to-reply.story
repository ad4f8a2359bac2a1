# R7: where the body outlives settle, Reply books the outcome, and with it the time that it took. Its Finish an hour later is nobody's slow call.

config
  key visa -> visa
  placement visa endpoints=a breaker.open=5s breaker.slow_ratio=100% breaker.slow_call=2s breaker.min_requests=1

1s  arrive visa as quick
      forward visa/a dedicated closed
2s  reply quick 200
3600s  finish quick 200
3601s  arrive visa as slow
      forward visa/a dedicated closed
3603s  reply slow 200
      opened visa/a until 3608s by slow
3604s  finish slow 200

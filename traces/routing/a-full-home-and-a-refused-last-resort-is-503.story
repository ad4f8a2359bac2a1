# R3: room was missing at home, health at the fallback: not only room, so 503 and not 429.
# A client told 429 would come again at once, for nothing.

config
  key visa -> visa
  placement visa endpoints=a limit=1 when_full=fail_over fallback=spare
  placement spare endpoints=a last_resort=refuse health.start=unhealthy

0s  tick
      probe spare/a until 3s
1s  arrive visa as r1
      forward visa/a dedicated closed
2s  arrive visa as r2
      reject 503 no_endpoint visa dedicated

# R12: an endpoint that is only renamed keeps its open breaker; one with a new URL is a new endpoint under an old name.
# Names are for people; the URL is what answers or does not.

config
  key visa -> visa
  placement visa endpoints=a:http://10.0.0.1 breaker.failures=1 breaker.open=60s
config renamed
  key visa -> visa
  placement visa endpoints=b:http://10.0.0.1 breaker.failures=1 breaker.open=60s
config moved
  key visa -> visa
  placement visa endpoints=b:http://10.0.0.2 breaker.failures=1 breaker.open=60s

1s  get visa 500
      forward visa/a dedicated closed
      opened visa/a until 61s
2s  adopt renamed
      adopted 0.2
      ack 0.2
3s  get visa 200
      reject 503 circuit_open visa dedicated open visa/b
4s  adopt moved
      close_idle visa/b
      retired visa/b
      adopted 0.3
      ack 0.3
5s  get visa 200
      forward visa/b dedicated closed

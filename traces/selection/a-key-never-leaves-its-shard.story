# R10: with shards=2 of 5 a key has two endpoints, and when both are open it is refused though three others are well.
# A poisonous tenant takes down its two endpoints, and those who share neither of them see nothing.

config
  key poison -> visa
  key other -> visa
  placement visa endpoints=a,b,c,d,e select=first shards=2 breaker.failures=1 breaker.open=60s

1s  get other 200
      forward visa/b dedicated closed
2s  get poison 500
      forward visa/a dedicated closed
      opened visa/a until 62s
3s  get poison 500
      forward visa/c dedicated closed
      opened visa/c until 63s
4s  get poison 200
      reject 503 circuit_open visa dedicated open visa/a
5s  get other 200
      forward visa/b dedicated closed

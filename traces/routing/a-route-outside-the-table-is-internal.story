# Bad input: no event can make the machine panic, not even a placement that does not exist.

config
  key visa -> visa
  placement visa endpoints=a

1s  arrive visa as r1 route=1
      ignored bad_route
      reject 500 internal dedicated
1s  arrive visa as r2 route=-5
      ignored bad_route
      reject 500 internal dedicated

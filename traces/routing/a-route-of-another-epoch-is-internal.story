# Bad input: a request matched under an epoch that is not in force is refused as internal, never served by guess.
# Numbers of another epoch name other placements.

config
  key visa -> visa
  placement visa endpoints=a

1s  arrive visa as r1 epoch=9.9
      ignored bad_route
      reject 500 internal dedicated

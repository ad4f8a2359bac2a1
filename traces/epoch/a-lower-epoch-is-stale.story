# R12: a push whose epoch is lower than the one in force is refused as stale, by term first.
# Pushes can overtake each other; the older one must not win by being late.

config
  key visa -> visa
  placement visa endpoints=a
config v2
  key visa -> visa
  placement visa endpoints=a limit=10

1s  adopt v2 epoch=2.5
      adopted 2.5
      ack 2.5
2s  adopt v2 epoch=2.4
      nack 2.4 stale
3s  adopt v2 epoch=1.9
      nack 1.9 stale

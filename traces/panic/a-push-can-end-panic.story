# R9, R12: a push that switches panic off ends it, one that adds endpoints is weighed at once.
# A setting that is gone must not go on deciding.

config
  key visa -> visa
  placement visa endpoints=a,b panic_percent=100% health.start=unhealthy
config off
  key visa -> visa
  placement visa endpoints=a,b health.start=unhealthy
config on
  key visa -> visa
  placement visa endpoints=a,b,c panic_percent=40% panic=fail health.start=unhealthy

0s  tick
      probe visa/a until 3s
      probe visa/b until 3s
1s  adopt off
      panic_left visa usable=0
      adopted 0.2
      ack 0.2
2s  adopt on
      panic_entered visa usable=0
      adopted 0.3
      ack 0.3

# R13: limits are added up by what each placement loses: room that another gains is room for other keys. A limit that
# goes away is not lower; a placement that goes away loses all of its limit.

config
  guard limit_lowered=20%
  key a -> p
  placement p endpoints=x limit=60
  placement q endpoints=y limit=40
config v2
  guard limit_lowered=20%
  key a -> p
  placement p endpoints=x limit=39
  placement q endpoints=y limit=900
config v3
  guard limit_lowered=20%
  key a -> p
  placement p endpoints=x limit=60
config v4
  guard limit_lowered=20%
  key a -> p
  placement p endpoints=x
  placement q endpoints=y limit=20

1s  adopt v2
      nack 0.0 limit_lowered 21%
2s  adopt v3
      nack 0.0 limit_lowered 40%
3s  adopt v4
      adopted 0.2
      ack 0.2

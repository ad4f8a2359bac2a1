# R13: the guards in force count, not those of the push. What lifts them and changes little else is adopted;
# from then on nothing is guarded.

config
  guard keys_rerouted=5%
  key a -> p
  placement p endpoints=x
  placement q endpoints=y
config v2
  key a -> q
  placement p endpoints=x
  placement q endpoints=y
config v3
  key a -> p
  placement p endpoints=x
  placement q endpoints=y

1s  adopt v2
      nack 0.0 keys_rerouted 100%
2s  adopt v3
      adopted 0.2
      ack 0.2
3s  adopt v2
      adopted 0.3
      ack 0.3

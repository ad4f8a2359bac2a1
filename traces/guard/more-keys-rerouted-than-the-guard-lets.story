# R13: a push that sends more keys elsewhere than the guard lets is refused, and the share says by how much.
# Exactly as many is not beyond. Unknown keys are not counted: nobody knows how many there are.

config
  guard keys_rerouted=50%
  key a -> p
  key b -> p
  key c -> p
  default q
  placement p endpoints=x
  placement q endpoints=y
config v2
  guard keys_rerouted=50%
  key a -> q
  key b -> q
  key c -> p
  placement p endpoints=x
  placement q endpoints=y
config v3
  guard keys_rerouted=50%
  key a -> q
  key b -> p
  key c -> p
  placement p endpoints=x
  placement q endpoints=y

1s  adopt v2 epoch=1.1
      nack 1.1 keys_rerouted 66.6667%
2s  adopt v3 epoch=1.2
      adopted 1.2
      ack 1.2

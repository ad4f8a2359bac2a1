# R13: of a key that is split only the part counts that goes elsewhere. From 5 % to 10 % moves a twentieth of the key;
# other candidates of a part move all of it.

config
  guard keys_rerouted=4%
  key a -> p 95% q 5%
  placement p endpoints=x
  placement q endpoints=y
config v2
  guard keys_rerouted=4%
  key a -> p 90% q 10%
  placement p endpoints=x
  placement q endpoints=y
config v3
  guard keys_rerouted=4%
  key a -> p 95% q 5%
  placement p endpoints=x
  placement q endpoints=y fallback=p
config v4
  guard keys_rerouted=4%
  key a -> p 91% q 9%
  placement p endpoints=x
  placement q endpoints=y

1s  adopt v2
      nack 0.0 keys_rerouted 5%
2s  adopt v3
      nack 0.0 keys_rerouted 5%
3s  adopt v4
      adopted 0.2
      ack 0.2

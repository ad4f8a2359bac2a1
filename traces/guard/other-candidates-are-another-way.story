# R13: a key is rerouted when its list of candidates is another one, though its home stays. A key of another table of
# the same name is the same key; keys of a table that is gone are removed.

config
  guard keys_rerouted=49% keys_removed=49%
  key a -> p
  table partners
  in partners a -> q
  route table=partners
  placement p endpoints=x
  placement q endpoints=y
config v2
  guard keys_rerouted=49% keys_removed=49%
  key a -> p
  table partners
  in partners a -> q
  route table=partners
  placement p endpoints=x fallback=q
  placement q endpoints=y
config v3
  guard keys_rerouted=49% keys_removed=49%
  key a -> p
  placement p endpoints=x
  placement q endpoints=y

1s  adopt v2
      nack 0.0 keys_rerouted 50%
2s  adopt v3
      nack 0.0 keys_removed 50%

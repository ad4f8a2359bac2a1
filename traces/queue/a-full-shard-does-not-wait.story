# R5, R10: a key whose shard is at its caps is refused, even where others would wait. If it waited, the keys of other shards would wait
# behind it for nothing.

config
  key visa -> shop
  placement shop endpoints=a^1,b^1,c^1 shards=1 limit=9 queue=2 wait=200ms

1s  arrive visa as one
      forward shop/a dedicated closed
1s  arrive visa as two
      reject 429 limit shop dedicated

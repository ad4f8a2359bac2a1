# R5: what its share would refuse at its turn is refused at once. It would take a place from those who will be served.

config
  key visa -> shop
  placement shop endpoints=a limit=2 queue=1 wait=200ms priorities=100,50

1s    arrive visa as one
      forward shop/a dedicated closed
1s    arrive visa as two
      forward shop/a dedicated closed
1s    arrive visa as report priority=1
      reject 503 shed shop dedicated
1s    arrive visa as three
      queued shop dedicated place=1 until 1.2s
1.1s  finish one 200
      forward shop/a dedicated closed for three

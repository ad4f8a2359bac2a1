# R11: the budget is a floor and a share of the requests in flight, for retries at once and for those granted lately.
# Here the floor is 1 and the share 20 %: two failures get one retry between them.

config
  key visa -> visa
  placement visa endpoints=a,b retries=1 retries.floor=1 breaker=off

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      forward visa/b dedicated closed
1s    arrive visa as three
      forward visa/a dedicated closed
1.1s  finish one connect_refused
      retry visa/a connect_refused attempt=2 until 1.107489779s
1.1s  finish two connect_refused
1.5s  finish one 200
      forward visa/b dedicated closed attempt=2 for one at 1.107489779s
1.6s  arrive visa as four
      forward visa/b dedicated closed
1.7s  finish four connect_refused
      retry visa/b connect_refused attempt=2 until 1.702703944s
2.2s  arrive visa as five
      forward visa/a dedicated closed attempt=2 for four at 1.702703944s
      forward visa/a dedicated closed
2.3s  finish five connect_refused

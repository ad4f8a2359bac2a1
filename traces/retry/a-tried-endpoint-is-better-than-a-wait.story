# R11, R2: of the endpoints that a retry has not tried the only one is at its cap. It goes back to the one that it tried: it neither
# waits for the other nor is refused.

config
  key visa -> shop
  placement shop endpoints=a,b^1 select=first limit=9 queue=2 wait=1s sticky=c retries=1 retries.on=reset

1s  arrive visa as other prefer=shop/b
      forward shop/b dedicated closed
1s  arrive visa as one
      forward shop/a dedicated closed pin
1s  finish one reset_before_response
      retry shop/a reset_before_response attempt=2 until 1.010823865s
2s  tick
      forward shop/a dedicated closed pin attempt=2 for one at 1.010823865s

# R10: with bound=125% an endpoint takes at most ceil(1.25 x its share of what is in flight); a hot key goes on to the endpoint that its policy names next.
# One tenant that is everybody at once must not drown the endpoint that it hashes to.

config
  key hot -> visa
  placement visa endpoints=a,b,c select=rendezvous bound=125%

1s  repeat 8 arrive hot as r#
      forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/c dedicated closed
      forward visa/a dedicated closed
2s  finish r1 200
3s  arrive hot as r9
      forward visa/a dedicated closed

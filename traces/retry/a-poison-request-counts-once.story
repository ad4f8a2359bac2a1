# R7: among the attempts of one request only the first failure counts against an endpoint.
# A request that kills whatever serves it must not open every breaker on its way.

config
  key visa -> visa
  placement visa endpoints=a,b,c select=first retries=2 breaker.failures=1 breaker.open=60s

1s    arrive visa as poison
      forward visa/a dedicated closed
1.1s  finish poison reset_before_response sent=yes
      opened visa/a until 61.1s
      retry visa/a reset_before_response attempt=2 until 1.107489779s
2s    tick
      forward visa/b dedicated closed attempt=2 for poison at 1.107489779s
2.1s  finish poison reset_before_response sent=yes
      retry visa/b reset_before_response attempt=3 until 2.125115334s
3s    tick
      forward visa/c dedicated closed attempt=3 for poison at 2.125115334s
3.1s  finish poison reset_before_response sent=yes

# R11: after a back-off a failed request comes again, at an endpoint that it has not tried.
# The same endpoint would most likely fail again.

config
  key visa -> visa
  placement visa endpoints=a,b retries=2

1s    arrive visa as one
      forward visa/a dedicated closed
1.01s finish one connect_refused
      retry visa/a connect_refused attempt=2 until 1.017489779s
1.05s finish one client_gone
      forward visa/b dedicated closed attempt=2 for one at 1.017489779s

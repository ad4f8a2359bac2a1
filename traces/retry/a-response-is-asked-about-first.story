# R11: a 503 is asked about before any of it goes to the client; if a retry follows, the attempt is over.
# Retry-After is waited for, up to retry_after_max; beyond it the answer stands.

config
  key visa -> visa
  placement visa endpoints=a,b select=first retries=2 retries.retry_after_max=2s

1s    arrive visa as one
      forward visa/a dedicated closed
1.1s  reply one 503 retry_after=1s
      retry visa/a 503 attempt=2 until 2.107489779s
2.5s  tick
      forward visa/b dedicated closed attempt=2 for one at 2.107489779s
2.6s  reply one 503 retry_after=5s
2.7s  finish one 503

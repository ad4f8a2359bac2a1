# R11: timeouts.request bounds all attempts and all waiting: a retry that would come after it is not made.
# Retries must not make a slow failure slower.

config
  key visa -> visa
  placement visa endpoints=a,b request=1s retries=4 retries.retry_after_max=10s

1s    arrive visa as one
      forward visa/a dedicated closed
1.5s  reply one 503 retry_after=600ms

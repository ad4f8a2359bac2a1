# R1: a request without a routing key is refused with 400 even where unknown keys have a default.
# Missing is the client's fault; unknown may be ours.

config
  default tier3
  placement tier3 endpoints=a

1s  get - 200
      reject 400 no_key

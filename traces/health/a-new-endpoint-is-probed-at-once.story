# R8, R12: an endpoint that a push adds starts healthy and is probed at once; those that stay keep their rhythm.
# The sooner it is known the better, and a push must not make every router probe everything at one instant.

config
  key visa -> visa
  placement visa endpoints=a health=on
config v2
  key visa -> visa
  placement visa endpoints=a,b health=on

0s  tick
      probe visa/a until 3s
1s  probed visa/a ok
4s  adopt v2
      adopted 0.2
      ack 0.2
4s  tick
      probe visa/b until 7s

# R1: an unknown key goes to the default placement, with the reason `default`.
# The baseline promises that unknown keys never fail.

config
  default tier3
  key visa -> visa
  placement visa endpoints=a
  placement tier3 endpoints=a

1s  get nobody-knows-me 200
      forward tier3/a default closed

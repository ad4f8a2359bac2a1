# R1: without a default placement an unknown key is refused with the status that the configuration names.
# A tenant that was mistyped must be able to fail closed instead of landing in a shared tier.

config
  unknown_key reject 404
  key visa -> visa
  placement visa endpoints=a

1s  get nobody-knows-me 200
      reject 404 unknown_key

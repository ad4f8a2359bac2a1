# R12: one push may take a placement away and bring another; the golden trace pins the numbers that each of them gets.
# Whoever reads or replays a trace must number as the writer did.

config
  key visa -> visa
  key acme -> acme
  placement acme endpoints=a
  placement visa endpoints=a
config v2
  key visa -> visa
  key zeta -> zeta
  placement visa endpoints=a
  placement zeta endpoints=a

1s  get acme 200
      forward acme/a dedicated closed
2s  adopt v2
      close_idle acme/a
      retired acme/a
      adopted 0.2
      ack 0.2
3s  get zeta 200
      forward zeta/a dedicated closed
3s  get visa 200
      forward visa/a dedicated closed

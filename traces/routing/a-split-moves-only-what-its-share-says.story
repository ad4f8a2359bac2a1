# R1: raising a share from 5% to 10% moves those 5% of users and nobody else.
# A tenant migrates in steps; who has been moved must not be moved back by the next step.

config
  key nordbank -> cell-07 95% cell-12 5%
  placement cell-07 endpoints=a
  placement cell-12 endpoints=a

config more
  key nordbank -> cell-07 90% cell-12 10%
  placement cell-07 endpoints=a
  placement cell-12 endpoints=a

config all
  key nordbank -> cell-12
  placement cell-07 endpoints=a
  placement cell-12 endpoints=a

# Where they fall: u1 76.0%, u41 91.5%, u56 96.2%.
1s  get nordbank 200 user=u1
      forward cell-07/a dedicated closed
1s  get nordbank 200 user=u41
      forward cell-07/a dedicated closed
1s  get nordbank 200 user=u56
      forward cell-12/a dedicated closed
2s  adopt more
      adopted 0.2
      ack 0.2
3s  get nordbank 200 user=u1
      forward cell-07/a dedicated closed
3s  get nordbank 200 user=u41
      forward cell-12/a dedicated closed
3s  get nordbank 200 user=u56
      forward cell-12/a dedicated closed
4s  adopt all
      adopted 0.3
      ack 0.3
5s  get nordbank 200 user=u1
      forward cell-12/a dedicated closed

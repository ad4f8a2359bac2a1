# R10: a failure counts as no less than the latency known, and without one as nothing. An endpoint that refuses at once is not fast.
# b refuses within a millisecond; a takes a tenth of a second and answers.

config
  key visa -> visa
  placement visa endpoints=a,b select=ewma decay=10s breaker=off

1s  arrive visa as r1
      forward visa/a dedicated closed
1s  arrive visa as r2
      forward visa/b dedicated closed
1.001s  finish r2 500
1.1s  finish r1 200
2s  repeat 4 arrive visa as s#
      forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/a dedicated closed
      forward visa/b dedicated closed
2.001s  finish s2 500
2.002s  finish s4 500
2.1s  finish s1 200
2.1s  finish s3 200
3s  repeat 3 get visa 200
      3x forward visa/a dedicated closed

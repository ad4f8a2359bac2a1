# R5, order newest_first: while more than half of the places are taken, the newest is next.
# Those who have waited for long will give up anyway; whoever has just come is still there.

config
  key visa -> visa
  placement visa endpoints=a limit=1 queue=4 wait=500ms order=newest_first

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      queued visa dedicated place=1 until 1.5s
1.01s arrive visa as three
      queued visa dedicated place=2 until 1.51s
1.02s arrive visa as four
      queued visa dedicated place=3 until 1.52s
1.1s  finish one 200
      forward visa/a dedicated closed for four
1.2s  finish four 200
      forward visa/a dedicated closed for two

# R5: a client that goes away while it waits frees its place; the others keep theirs.
# A place held for nobody is one that somebody else is refused.

config
  key visa -> visa
  placement visa endpoints=a limit=1 queue=2 wait=200ms

1s    arrive visa as one
      forward visa/a dedicated closed
1s    arrive visa as two
      queued visa dedicated place=1 until 1.2s
1s    arrive visa as three
      queued visa dedicated place=2 until 1.2s
1.01s finish two client_gone
1.02s arrive visa as four
      queued visa dedicated place=2 until 1.22s
1.1s  finish one 200
      forward visa/a dedicated closed for three
1.1s  finish two client_gone
      ignored unknown_handle

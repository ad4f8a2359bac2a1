# R13: a file by hand, the copy on disk and the bootstrap file are never guarded, nor is what is in force already. Whoever changes a file on the machine itself means it; a router that starts has nothing to compare with.

config v1
  guard endpoints_removed=10%
  key a -> p
  placement p endpoints=x
config v2
  guard endpoints_removed=10%
  key a -> p
  placement p endpoints=y
config v3
  guard endpoints_removed=10%
  key a -> p
  placement p endpoints=z

# The first configuration is held against nothing.
0s  adopt v1
      adopted 0.1
      ack 0.1
1s  adopt v1
      ack 0.1
2s  adopt v2
      nack 0.0 endpoints_removed 100%
3s  adopt v2 origin=file
      close_idle p/x
      retired p/x
      adopted 0.2
      ack 0.2
4s  adopt v3 origin=disk
      close_idle p/y
      retired p/y
      adopted 0.3
      ack 0.3
5s  adopt v1 origin=bootstrap
      close_idle p/z
      retired p/z
      adopted 0.4
      ack 0.4

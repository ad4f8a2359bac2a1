# R11: a method outside the list counts as other: sent again only where any may be, or where nothing was sent.
# No edge sends one; what Step takes, a snapshot must hold.

config
  key visa -> visa
  key bank -> bank
  placement visa endpoints=a,b retries=1 retries.on=reset retries.methods=any
  placement bank endpoints=c,d retries=1 retries.on=reset retries.methods=idempotent

1s    arrive visa as any method=200
      forward visa/a dedicated closed
1.1s  finish any reset_before_response sent=yes
      retry visa/a reset_before_response attempt=2 until 1.107489779s
2s    arrive bank as none method=3
      forward visa/b dedicated closed attempt=2 for any at 1.107489779s
      forward bank/c dedicated closed
2.1s  finish none reset_before_response sent=yes

# R11: what may have been processed is sent again only if its method allows it; what was never sent, always.
# A payment must not be made twice.

config
  key visa -> visa
  placement visa endpoints=a,b retries=2 retries.on=connect,reset

1s    arrive visa as post method=other
      forward visa/a dedicated closed
1.1s  finish post reset_before_response sent=yes
2s    arrive visa as refused method=other
      forward visa/b dedicated closed
2.1s  finish refused connect_refused
      retry visa/b connect_refused attempt=2 until 2.110823865s
3s    arrive visa as get
      forward visa/a dedicated closed attempt=2 for refused at 2.110823865s
      forward visa/a dedicated closed
3.1s  finish get reset_before_response sent=yes
      retry visa/a reset_before_response attempt=2 until 3.103103767s
4s    arrive visa as upload
      forward visa/b dedicated closed attempt=2 for get at 3.103103767s
      forward visa/b dedicated closed
4.1s  finish upload reset_before_response body=gone
5s    arrive visa as slow
      forward visa/a dedicated closed
5.1s  finish slow response_timeout

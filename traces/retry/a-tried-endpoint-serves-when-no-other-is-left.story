# R11: endpoints already tried are passed over as long as there is another, here or at a fallback; then they may serve again.
# With one endpoint a second try there is better than none.

config
  key visa -> visa
  key solo -> solo
  placement visa endpoints=a fallback=spare retries=2
  placement spare endpoints=a
  placement solo endpoints=a retries=1

1s    arrive visa as one
      forward visa/a dedicated closed
1.1s  finish one connect_refused
      retry visa/a connect_refused attempt=2 until 1.107489779s
1.3s  finish one connect_refused
      forward spare/a dedicated closed attempt=2 for one after upstream_unhealthy at 1.107489779s
      retry spare/a connect_refused attempt=3 until 1.325115334s
1.6s  finish one 200
      forward visa/a dedicated closed attempt=3 for one at 1.325115334s
2s    arrive solo as two
      forward solo/a dedicated closed
2.1s  finish two connect_refused
      retry solo/a connect_refused attempt=2 until 2.110823865s
2.3s  finish two 200
      forward solo/a dedicated closed attempt=2 for two at 2.110823865s

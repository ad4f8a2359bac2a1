# R10: weights 5, 1, 1 give a a b a c a a (nginx's smooth weighted round robin), not five in a row.
# A burst of five to one endpoint is what balancing should avoid.

config
  key visa -> visa
  placement visa endpoints=a@500%,b@100%,c@100%

1s  repeat 7 get visa 200
      2x forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/a dedicated closed
      forward visa/c dedicated closed
      2x forward visa/a dedicated closed
2s  repeat 7 get visa 200
      2x forward visa/a dedicated closed
      forward visa/b dedicated closed
      forward visa/a dedicated closed
      forward visa/c dedicated closed
      2x forward visa/a dedicated closed

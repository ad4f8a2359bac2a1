package parity

// differs are the answers in which the two programs may differ, each with the
// reason and the other answer in full.
var differs = []difference{}

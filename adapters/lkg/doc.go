// Package lkg keeps the last configuration that a control plane pushed on disk,
// so that a router that restarts while the control plane is away comes up with
// what it had (R13).
//
// A folder holds `current`, and for a moment `pending`. The order that no crash
// can break: write and fsync pending, adopt, rename pending to current, fsync
// the folder, acknowledge. A copy begins with a line that carries its length
// and hash, so that a damaged one is noticed and never adopted.
//
// A second copy, `lkg`, is the last that a router lived with for its soak. A
// small file, `runs`, counts the runs that began with a copy and have neither
// soaked nor ended in good order: after two of them a router starts with `lkg`
// (Start), and the copy that they died with is refused if it is pushed again
// (Condemned). The count is written before the copy is put in force, so that one
// that kills at once is counted too.
//
// While a router is upgraded, it and its successor use one folder. Each change is
// made under a lock on the folder, and what one of them prepared and the
// other has taken away is written again.
//
// What may not live here: what a configuration means, and when it has soaked. A
// copy is bytes.
package lkg

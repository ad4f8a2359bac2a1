// Package lkg keeps the last configuration that a control plane pushed on disk,
// so that a router that restarts while the control plane is away comes up with
// what it had (R13).
//
// A folder holds `current`, and for a moment `pending`. The order that no crash
// can break: write and fsync pending, adopt, rename pending to current, fsync
// the folder, acknowledge. A copy begins with a line that carries its length
// and hash, so that a damaged one is noticed and never adopted.
//
// What may not live here: what a configuration means. A copy is bytes.
// Not yet: the second copy `lkg` that has soaked, and the fall back to it.
package lkg

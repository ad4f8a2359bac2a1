// Package parity is one live suite for two programs: `lockstep serve`, written
// in Go, and `router-pingora serve`, written in Rust. Each case starts the real
// binary before origins that break as told, speaks to it in raw bytes, and says
// in full what must come back: status, every header, body, trailers, what the
// upstream saw, the log line, the metrics. What is expected is written from
// the baseline's contract and core/SPEC.md, so that a case which fails says which
// of the two is wrong, not merely that they differ. When a case is over, the
// router's recording must replay, under its own program and under the other.
//
// There is no code here, only tests:
//
//	go test ./cmd/router-pingora/parity
//
// The Rust binary is found at ../target/release or ../target/debug, or by
// LOCKSTEP_ROUTER_PINGORA. Where there is none the suite runs the Go side alone
// and says NOT TRIED; with LOCKSTEP_PARITY=require that is a failure.
//
// Where the two may differ for a good reason, the table `differs` says so with
// the reason and both answers. Nothing is left out without being said.
//
// What may not live here: expectations copied from what a program printed.
package parity

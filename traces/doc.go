// Package traces is the trace format: the inputs and the decisions of one
// router in the one order in which they were made. The stored form is binary
// (Encoder, Writer); canonical NDJSON is its printed view; one table (schema.go)
// makes both. Reader reads either, Verify replays one and compares.
// README.md specifies the bytes and the lines.
//
// Who writes: a flight recorder uses Encoder, which costs no allocation per
// fact and hands out finished blocks; a simulation or test uses Writer, which
// puts the same blocks into an io.Writer. What may not live here: IO other than
// io.Reader and io.Writer, clocks, goroutines, and any rule about decisions.
package traces

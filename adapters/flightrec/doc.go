// Package flightrec is the flight recorder: it keeps the newest blocks of a
// router's trace in memory, writes them to segments if asked to, and dumps them
// when a breaker opens or somebody asks.
//
// Recording is on the way of every request, under the driver's lock, so that
// way only appends to a buffer. A goroutine does the rest. The ring of finished
// blocks is also its queue: when the disk cannot keep up, or fails, the oldest
// block goes, and the file says which steps are missing (traces.Gap). Serving
// never waits and never learns of it; Stats and the log do.
//
// What may not live here: the format (package traces), signals and flags (cmd).
package flightrec

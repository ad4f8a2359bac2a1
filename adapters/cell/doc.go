// Package cell is the demo upstream: it says who it is, and it breaks on
// request, so that a person can watch the router react.
//
// Knobs are plain HTTP on the cell's own port, at /fault: POST sets those that
// are named in the query and leaves the others, GET shows all, DELETE mends all.
//
//	fail=30        that many percent of requests get a 500
//	latency=200ms  every answer waits that long
//	hang=true      no answer until mended or the caller leaves
//	refuse=true    the connection is reset instead of answered
//	health=fail    GET /health answers 503
//
// Only health touches /health, and nothing touches /fault. A refusing cell
// still accepts connections, since the knob that mends it lives on the same
// port: the router sees a reset, not a refused connection.
//
// It is for demonstrations and tests; nothing in serve imports it.
package cell

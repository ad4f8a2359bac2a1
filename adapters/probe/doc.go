// Package probe carries out the active health checks that a driver decides on:
// one for each Probe decision, with a time limit and a bound on how many run at
// once, and reports how it went (R8). When to probe and what the result means is
// the core's; how an endpoint is asked is upstream's. Neither belongs here.
package probe

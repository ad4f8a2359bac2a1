// Package probe carries out the active health checks that a driver decides on:
// one GET per Probe decision, on a connection of its own, reported as healthy
// when the answer is 2xx (R8). When to probe and what the result means is the
// core's; request traffic and its connections are httpproxy's. Neither belongs here.
package probe

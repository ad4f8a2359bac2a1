// Package accesslog reads the access logs of nginx, HAProxy, Envoy, Caddy and
// this router, line by line, as neutral entries, and feeds them to the core:
// Import writes what it decides as a trace, Compare says how much of it is what
// the other router did. README.md has the formats, and what such a trace can
// and cannot say. Memory does not grow with the log.
//
// What lives here: formats, order by time of arrival, the requests that
// adapters/routing resolves, outcomes as logged. What may not: rules about
// decisions (core), flags and printing (cmd/lockstep), configurations of other
// routers.
package accesslog

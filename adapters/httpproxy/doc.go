// Package httpproxy is the HTTP side of the router: it asks the driver where a
// request goes, sends it there, streams the answer back and reports how it
// ended. Handler is an http.Handler; RoundTripper is the same thing for teams
// with a Go routing layer of their own.
//
// It decides nothing. Every status, header and failover comes from a decision
// of the driver; what lives here is HTTP: hygiene of headers, streaming,
// upgrades, timeouts of header and body, and the naming of what went wrong (the
// classes of R16). Connections to upstreams are adapters/upstream's. One exchange is one attempt: it sends at most one
// Reply and exactly one Finish.
//
// It does not use httputil.ReverseProxy. That one copies the request and its
// headers deeply, cleans the query unless told not to, hides who broke a body,
// and forwards `Upgrade: h2c`, which would carry requests past the routing. A
// handler of our own has one place for each of these.
// BenchmarkProxy runs both, each in a process of its own, and reports the ratio
// of CPU time; the bar is 1.15 with recording and log on.
//
// Limits. The path of an endpoint's URL is not used: a request keeps its own
// (BASELINE). The upstream sees its own authority as Host, as the baseline
// sends it, unless `upstream.host` says otherwise. Nothing is sent twice unless the core grants a retry (R11), and
// nothing goes to the client before an attempt is final.
//
// What may not live here: routing rules, configuration formats, metrics.
package httpproxy

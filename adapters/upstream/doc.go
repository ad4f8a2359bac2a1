// Package upstream is everything below "send this request to that endpoint":
// pools of connections, HTTP/1.1, HTTP/2, TLS and the PROXY protocol towards
// endpoints, and the naming of what failed there (the classes of R16).
//
// A Set holds one Pool for each endpoint (placement and URL). Pool.RoundTrip
// sends a request once, never twice: an *Error says whether some byte of it may
// have reached the endpoint, and whoever retries (R11) decides by that.
//
// HTTP/1.1 is our own: one blocking write and read by the goroutine that asks.
// It needs half of what http.Transport does, which hands every request over to
// two goroutines, and it knows exactly what was sent. HTTP/2 is net/http's, one
// http.ClientConn at a time, because there too the pool and the retries must be
// ours. The README has the settings, the figures and what is not done.
//
// What may not live here: which endpoint, whether to try again, timeouts of
// headers and bodies (all httpproxy's or core's), reading configuration files.
package upstream

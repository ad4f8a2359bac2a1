// Package http1 is the router's own HTTP/1.1 server: it takes connections, plain
// or with their TLS handshake done, and serves an http.Handler on them.
//
// It exists because net/http's server is lenient where a proxy must not be. A
// message that two readers could frame in two ways is refused here with a
// reason from a closed list (Reason) and the connection is closed; nothing is
// repaired and nothing is guessed. Every phase of a request has a timeout of its
// own with a reason of its own.
//
// What a handler may use of net/http's server works here too: ResponseController
// (Flush, deadlines, EnableFullDuplex, Hijack), trailers both ways, chunked
// bodies both ways, 1xx responses, Expect: 100-continue, keep-alive, pipelining,
// HTTP/1.0, the context that ends when the client goes away, ErrAbortHandler.
//
// # How it is built
//
// One goroutine a connection. While a connection is idle it holds no buffer: on
// a TCP connection the read waits without one, and takes it from a pool when
// bytes are there. No deadline is set per read or write, which costs 2-3 us
// each: a phase notes when it must be over, and the connection's one timer,
// armed rarely and late, ends the read or write that is too late. The same timer
// begins to watch for a client that goes away, once a handler has run for 50 ms.
//
// What may not live here: routing, TLS handshakes, HTTP/2, and what an upstream
// sends (package upstream).
package http1

// Package edge is the listening side of the router: it opens the addresses of
// the section listen, takes connections in, and hands each one that is ready to
// an engine that speaks HTTP on it (package http1 with net/http for HTTP/2, or
// net/http for both).
//
// What happens before that happens here, in one goroutine a connection and
// within the handshake's time: the connection limits, the PROXY header, the TLS
// handshake with the certificate that the client's name asks for. Certificates,
// client authorities and session ticket keys are read again when their files
// change; what cannot be read leaves the old in force and is reported.
//
// A handler finds how its request came in with Of: by which listener, from
// which peer, whether that peer's headers may be believed, and the verified
// certificate chain of the client.
//
// What may not live here: routes, keys, refusals of requests (httpproxy), and
// how the section is written (configfile).
package edge

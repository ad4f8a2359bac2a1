package httpproxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"

	"lockstep/core"
)

// connectError is a failure before there was a connection to send anything on.
type connectError struct {
	class core.Class
	err   error
}

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

// dialError names what a dial failed of. What the router itself ran out of
// says nothing about the endpoint.
func dialError(err error) error {
	class := core.ConnectRefused
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		class = core.DNS
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL):
		class = core.Internal
	case timedOut(err):
		class = core.ConnectTimeout
	}
	return &connectError{class, err}
}

// handshakeError names what a TLS handshake failed of.
func handshakeError(err error) error {
	if timedOut(err) {
		return &connectError{core.ConnectTimeout, err}
	}
	return &connectError{core.TLS, err}
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// classify names a failure that came before the response headers and that
// neither the client nor a timeout of ours caused. sent says whether any of
// the request may have reached the upstream.
func classify(err error, sent bool) core.Class {
	var connect *connectError
	var alert tls.AlertError
	switch {
	case errors.As(err, &connect):
		return connect.class
	case errors.As(err, &alert):
		return core.TLS // TLS 1.3 tells of a refused client certificate only now
	case broken(err), errors.Is(err, errUpload), errors.Is(err, context.Canceled):
		return core.ResetBeforeResponse // the last two: we ended the upload because the connection had ended
	case !sent:
		return core.BadRequest // net/http would not send it
	}
	return core.BadResponse
}

// broken reports whether err is the end of a connection rather than something read from it.
func broken(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &op) || err.Error() == "http: server closed idle connection" // net/http does not export it
}

package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"syscall"

	"lockstep/core"
)

// Error says why there is no response. Every error of Pool.RoundTrip is one.
type Error struct {
	// Class is the row of R16.
	Class core.Class
	// Sent says whether some byte of the request may have reached the endpoint.
	// Where it is false, sending the request again repeats nothing.
	Sent bool
	// Reused says that the connection had carried a request before, which makes
	// an end that the endpoint meant for the idle connection likely.
	Reused bool
	// Detail is what happened, for a log; never what a client may see.
	Detail string
	// Err is the cause, nil for none.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Class.String() + ": " + e.Detail
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// errCancelled is the cause where Call.Cancel ended the attempt.
var errCancelled = errors.New("the attempt was cancelled")

// dialError names what a dial failed of. What the router itself ran out of
// says nothing about the endpoint.
func dialError(address string, err error) *Error {
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
	return &Error{Class: class, Detail: "dialling " + address, Err: err}
}

// handshakeError names what a TLS handshake failed of.
func handshakeError(address string, err error) *Error {
	class := core.TLS
	if timedOut(err) {
		class = core.ConnectTimeout
	}
	return &Error{Class: class, Detail: "TLS handshake with " + address, Err: err}
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}

// connectionError names the end of a connection before there was a response.
func connectionError(detail string, err error) *Error {
	var op *net.OpError
	var record tls.RecordHeaderError
	class := core.ResetBeforeResponse
	if errors.As(err, &op) && op.Op == "remote error" || errors.As(err, &record) {
		class = core.TLS // an alert: TLS 1.3 tells of a refused client certificate only now
	}
	return &Error{Class: class, Detail: detail, Err: err}
}

// notHTTP is a response that cannot be passed on.
func notHTTP(detail string) *Error { return &Error{Class: core.BadResponse, Detail: detail} }

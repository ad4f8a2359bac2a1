package http1

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"time"
)

// Options are the limits and hooks of a Server. The zero value is usable: zero
// always means the default that the field names, a negative number no limit.
type Options struct {
	// HeaderTimeout is how long a request's head may take from its first byte, and
	// a new connection until its first byte; default 10 s. A head that is late is
	// refused (header_timeout), a connection without a byte is closed.
	HeaderTimeout time.Duration
	// IdleTimeout is how long a connection may wait for its next request; default 60 s.
	IdleTimeout time.Duration
	// BodyIdle is how long a read of a body waits for a byte; default 30 s.
	BodyIdle time.Duration
	// MinBodyRate is the bytes a second below which a body is too slow, while no
	// answer has begun; default 240. Only time spent waiting for the client
	// counts, and BodyGrace of it is free.
	MinBodyRate int64
	// BodyGrace is the waiting that MinBodyRate allows before any byte; default
	// 5 s. It cannot be negative.
	BodyGrace time.Duration
	// BodyTotal is how long a request may take from its head to the end of its
	// body, whoever is slow; the default is no limit.
	BodyTotal time.Duration
	// WriteTimeout is how long the client may take for one write, of at most 64
	// KiB; default 30 s.
	WriteTimeout time.Duration
	// MaxTarget is the longest request target, in bytes; default 8192.
	MaxTarget int
	// MaxHeaderBytes is the largest head, from method to the empty line, and the
	// largest set of trailers; default 32768. There is no way to have no limit: a
	// negative number means 1 MiB.
	MaxHeaderBytes int
	// MaxHeaders is how many header lines a request may have, and how many
	// trailers; default 100.
	MaxHeaders int
	// MaxBody is the largest request body in bytes; the default is no limit, since
	// the handler knows better.
	MaxBody int64
	// MaxRequests is how many requests a connection may carry; the last is
	// answered with Connection: close. The default is no limit.
	MaxRequests int64

	// BaseContext is what every request's context comes from; nil means Background.
	BaseContext context.Context
	// ConnContext may change the context of a connection's requests; nil means no change.
	ConnContext func(ctx context.Context, c net.Conn) context.Context
	// HTTP2 takes a connection over that speaks HTTP/2: by ALPN, or because it
	// begins with the preface, which is still there to be read. nil means that such
	// a connection is refused (bad_version) or, by ALPN, closed.
	HTTP2 func(net.Conn)
	// Refused is told of every request that the handler did not see, and of every
	// body that was refused under it. It is called before the answer is sent, in
	// the connection's goroutine; it may set RequestID. nil means that nobody is told.
	Refused func(*Refusal)
	// Log hears of panics of handlers and of headers that cannot be sent; nil means slog.Default.
	Log *slog.Logger
}

// withDefaults fills in what is zero and turns negative numbers into limits
// that are never reached.
func (o Options) withDefaults() Options {
	o.HeaderTimeout = limit(o.HeaderTimeout, 10*time.Second, forever)
	o.IdleTimeout = limit(o.IdleTimeout, 60*time.Second, forever)
	o.BodyIdle = limit(o.BodyIdle, 30*time.Second, forever)
	o.BodyTotal = limit(o.BodyTotal, forever, forever)
	o.WriteTimeout = limit(o.WriteTimeout, 30*time.Second, forever)
	o.BodyGrace = limit(o.BodyGrace, 5*time.Second, 0)
	o.MinBodyRate = limit(o.MinBodyRate, 240, 0)
	o.MaxTarget = limit(o.MaxTarget, 8<<10, 1<<20)
	o.MaxHeaderBytes = limit(o.MaxHeaderBytes, 32<<10, 1<<20)
	o.MaxHeaders = limit(o.MaxHeaders, 100, 1<<20)
	o.MaxBody = limit(o.MaxBody, 1<<62, 1<<62)
	o.MaxRequests = limit(o.MaxRequests, 1<<62, 1<<62)
	if o.BaseContext == nil {
		o.BaseContext = context.Background()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// forever is longer than any connection lives, and can be added to a time.
const forever = 100 * 365 * 24 * time.Hour

func limit[T cmp.Ordered](given, byDefault, none T) T {
	var zero T
	switch {
	case given == zero:
		return byDefault
	case given < zero:
		return none
	}
	return given
}

// Refusal is a request that was refused, as far as it is known.
type Refusal struct {
	Reason     Reason
	RemoteAddr string    // of the connection
	Begun      time.Time // when its first byte was read
	Method     string    // "" when it could not be read
	Target     string    // as sent, at most 2048 bytes of it; "" when it could not be read
	Host       string    // "" when it could not be read
	// RoutedBody is true for a body that was refused while a handler had the
	// request: the handler answers, and logs it too.
	RoutedBody bool
	// RequestID is for the callback to set: the answer carries it as X-Request-Id,
	// "" for none.
	RequestID string
}

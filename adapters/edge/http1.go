package edge

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"

	"lockstep/adapters/http1"
	"lockstep/adapters/settings"
)

// refuser is a handler that wants to know of requests which it never sees
// because they are not HTTP.
type refuser interface {
	Refused(*http1.Refusal)
}

// newHTTP1 is package http1 as an engine, with net/http's HTTP/2 beside it.
func newHTTP1(s settings.Listener, e *Edge, connState func(net.Conn, http.ConnState), errs *slog.Logger) Engine {
	o := http1.Options{
		HeaderTimeout:  s.Timeouts.Header,
		IdleTimeout:    s.Timeouts.Idle,
		BodyTotal:      s.Timeouts.Body,
		BodyIdle:       s.HTTP1.BodyIdle,
		MinBodyRate:    s.HTTP1.BodyRateMin,
		WriteTimeout:   s.HTTP1.Write,
		MaxTarget:      int(s.HTTP1.TargetMax),
		MaxHeaders:     s.HTTP1.HeadersMax,
		MaxHeaderBytes: int(s.HeaderMax),
		MaxRequests:    int64(s.HTTP1.RequestsMax),
		ConnContext:    connContext,
		Log:            errs,
		Refused: func(f *http1.Refusal) {
			if r, ok := e.handler.(refuser); ok {
				r.Refused(f)
			}
		},
	}
	if s.HTTP2.Off {
		return http1.New(e, o)
	}
	h2 := newStd(s, e, errs)
	h2.ConnState = connState
	h2.ConnContext = connContext
	h2.Protocols.SetHTTP1(false)
	return http1.NewDual(e, o, h2)
}

// connContext is ConnContext for a connection that an engine may have wrapped.
func connContext(ctx context.Context, c net.Conn) context.Context {
	for {
		under, ok := c.(interface{ NetConn() net.Conn })
		if _, own := c.(*tls.Conn); own || !ok {
			return ConnContext(ctx, c)
		}
		c = under.NetConn()
	}
}

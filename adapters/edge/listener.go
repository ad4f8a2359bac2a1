package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/pires/go-proxyproto"

	"lockstep/adapters/http1"
	"lockstep/adapters/settings"
)

// listener takes connections in on one address and gets them ready.
type listener struct {
	s      settings.Listener
	socket net.Listener
	engine Engine
	ready  *http1.Queue // what the engine listens on
	tls    *secrets     // nil: plain
	limits limits
	log    *slog.Logger
	clock  clock.Clock
	counts counts

	mu      sync.Mutex
	young   map[net.Conn]bool // sockets that are not ready yet
	stopped bool
}

// counts are what a listener has seen.
type counts struct {
	accepted, full, clientFull, proxy, handshake atomic.Uint64
}

// Stats are what one listener has seen since it was opened.
type Stats struct {
	Listener     string
	Open         int    // connections now
	Accepted     uint64 // connections taken in
	Full         uint64 // closed at max_connections
	ClientFull   uint64 // closed at max_connections_per_client
	ProxyRefused uint64 // closed for the PROXY header that they had, or lacked
	TLSFailed    uint64 // closed because the handshake failed or took too long
	// HTTP1 and Refused are what package http1 has: its connections, HTTP/2 ones
	// without TLS among the hijacked, and what it refused or ended, by Reason. Zero
	// with another engine.
	HTTP1   http1.Counts
	Refused [http1.Reasons]uint64
}

// Stats returns what each listener has seen, in the order of the options.
func (e *Edge) Stats() []Stats {
	var out []Stats
	for _, l := range e.listeners {
		c := &l.counts
		one := Stats{
			Listener: l.s.Name, Open: l.limits.now(), Accepted: c.accepted.Load(), Full: c.full.Load(),
			ClientFull: c.clientFull.Load(), ProxyRefused: c.proxy.Load(), TLSFailed: c.handshake.Load(),
		}
		if s, ok := l.engine.(interface {
			Counts() http1.Counts
			Refused(http1.Reason) uint64
		}); ok {
			one.HTTP1 = s.Counts()
			for r := range one.Refused {
				one.Refused[r] = s.Refused(http1.Reason(r))
			}
		}
		out = append(out, one)
	}
	return out
}

// newListener reads what TLS needs before it opens the address.
func newListener(e *Edge, s settings.Listener, o Options) (*listener, error) {
	l := &listener{
		s: s, log: o.Log.With("listener", s.Name), clock: o.Clock, young: map[net.Conn]bool{},
		limits: limits{max: s.MaxConnections, perClient: s.MaxPerClient},
	}
	switch {
	case s.Engine == settings.EngineStd:
		std := newStd(s, e, l.log)
		std.ConnState = o.ConnState
		l.engine = std
	case s.Engine == settings.EngineHTTP1 && o.Engines[s.Engine] == nil:
		l.engine = newHTTP1(s, e, o.ConnState, l.log)
	case o.Engines[s.Engine] != nil:
		l.engine = o.Engines[s.Engine](s, e, l.log)
	default:
		return nil, fmt.Errorf("listener %q: there is no http_engine named %q; write http1 or std", s.Name, s.Engine)
	}
	if s.TLS != nil {
		var err error
		if l.tls, err = newSecrets(s, l.log); err != nil {
			return nil, fmt.Errorf("listener %q: %w", s.Name, err)
		}
	}
	socket, err := bind(s, o.Open)
	if err != nil {
		return nil, err
	}
	l.socket = socket
	l.ready = http1.NewQueue(socket.Addr())
	return l, nil
}

// newStd is net/http as an engine.
func newStd(s settings.Listener, h http.Handler, errs *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: s.Timeouts.Header,
		ReadTimeout:       s.Timeouts.Body,
		IdleTimeout:       s.Timeouts.Idle,
		MaxHeaderBytes:    int(s.HeaderMax),
		ConnContext:       ConnContext,
		ErrorLog:          slog.NewLogLogger(errs.Handler(), slog.LevelWarn),
		Protocols:         new(http.Protocols),
		// OPTIONS * is routed like any other request.
		DisableGeneralOptionsHandler: true,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: s.HTTP2.MaxStreams,
			MaxReadFrameSize:     16 << 10, // the least that may be announced: a frame is held in memory before it counts against a window
			SendPingTimeout:      s.HTTP2.PingEvery,
			PingTimeout:          s.HTTP2.PingTimeout,
		},
	}
	server.Protocols.SetHTTP1(true)
	if !s.HTTP2.Off {
		server.Protocols.SetHTTP2(s.TLS != nil)
		server.Protocols.SetUnencryptedHTTP2(s.TLS == nil)
	}
	return server
}

// serve accepts until stop.
func (l *listener) serve() error {
	ended := make(chan error, 1)
	go func() { ended <- l.engine.Serve(l.ready) }()
	l.accept()
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// accept takes connections in. A failure that is not the end, such as too many
// open files, is waited out: to give up would be an outage.
func (l *listener) accept() {
	wait := time.Duration(0)
	for {
		c, err := l.socket.Accept()
		if err == nil {
			wait = 0
			l.counts.accepted.Add(1)
			go l.begin(c)
			continue
		}
		if l.over() || errors.Is(err, net.ErrClosed) {
			return
		}
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		l.log.Error("no connection could be accepted; it is tried again", "error", err, "after", wait)
		l.clock.Sleep(wait)
	}
}

// begin gets one connection ready and hands it to the engine.
func (l *listener) begin(raw net.Conn) {
	if !l.limits.enter() {
		l.counts.full.Add(1)
		raw.Close()
		return
	}
	c := &conn{Conn: raw, close: l.limits.leave}
	if !l.raise(raw) {
		c.Close()
		return
	}
	ready, ok := l.prepare(c)
	if !l.grown(raw) || !ok {
		c.Close()
		return
	}
	l.ready.Put(ready)
}

// prepare does what comes before HTTP, all of it within the handshake's time.
func (l *listener) prepare(c *conn) (ready net.Conn, ok bool) {
	deadline := time.Now().Add(l.s.Timeouts.Handshake)
	_ = c.SetDeadline(deadline) // an error here comes back from the first read
	info := &Conn{Listener: l.s.Name, Peer: addrPort(c.RemoteAddr())}
	if l.s.Proxy != nil {
		if err := l.proxyHeader(c, info); err != nil {
			l.counts.proxy.Add(1)
			l.log.Debug("a connection was refused for its PROXY header", "peer", info.Peer, "error", err)
			return nil, false
		}
	}
	info.Client = addrPort(c.RemoteAddr())
	info.Trusted = within(info.Client.Addr(), l.s.TrustHeadersFrom)
	client := clientOf(info.Client.Addr())
	if !l.limits.enterClient(client) {
		l.counts.clientFull.Add(1)
		return nil, false
	}
	c.close = func() { l.limits.leaveClient(client); l.limits.leave() }
	ready = c
	if l.tls != nil {
		secure := tls.Server(c, l.tls.config())
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			l.counts.handshake.Add(1)
			l.log.Debug("a TLS handshake failed", "peer", info.Peer, "error", err)
			tellPlain(err)
			return nil, false
		}
		state := secure.ConnectionState()
		info.TLS, ready = &state, secure
	}
	_ = c.SetDeadline(time.Time{})
	c.info = info
	return ready, true
}

// tellPlain answers a client that speaks plain HTTP to a TLS listener, which else
// would see a closed connection and not know why. It answers as net/http does.
func tellPlain(err error) {
	var other tls.RecordHeaderError
	if !errors.As(err, &other) || other.Conn == nil {
		return
	}
	switch string(other.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		// An error means that it has gone.
		_, _ = io.WriteString(other.Conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	}
}

// proxyHeader takes in the PROXY header. Only those listed may send one; from
// anybody else it is refused, since it would choose its own address.
func (l *listener) proxyHeader(c *conn, info *Conn) error {
	policy := proxyproto.REJECT
	if within(info.Peer.Addr(), l.s.Proxy.From) {
		policy = proxyproto.USE
		if l.s.Proxy.Required {
			policy = proxyproto.REQUIRE
		}
	}
	p := proxyproto.NewConn(c.Conn, proxyproto.WithPolicy(policy),
		proxyproto.SetReadHeaderTimeout(l.s.Timeouts.Handshake), proxyproto.ValidateHeader(validProxy))
	_ = p.SetDeadline(time.Now().Add(l.s.Timeouts.Handshake)) // so that it knows which to put back
	c.Conn = p
	if _, err := p.Read(nil); err != nil { // takes in the header and nothing else
		return err
	}
	return nil
}

// errNotTCP refuses a PROXY header whose addresses are not those of TCP.
var errNotTCP = errors.New("the PROXY header is not about a TCP connection")

// validProxy accepts TCP, and what says nothing about a client: LOCAL, which is
// a balancer's own check, and UNKNOWN.
func validProxy(h *proxyproto.Header) error {
	if h.Command.IsLocal() || h.TransportProtocol.IsUnspec() || h.TransportProtocol == proxyproto.TCPv4 || h.TransportProtocol == proxyproto.TCPv6 {
		return nil
	}
	return errNotTCP
}

// raise notes a connection that is not ready yet; false when it is too late.
func (l *listener) raise(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.stopped {
		l.young[c] = true
	}
	return !l.stopped
}

// grown takes the note away; false when the listener has stopped meanwhile.
func (l *listener) grown(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.young, c)
	return !l.stopped
}

func (l *listener) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

// stop ends accepting, and connections that have no request yet: their client
// loses nothing that it may not send again.
func (l *listener) stop() {
	l.mu.Lock()
	young := l.young
	l.young, l.stopped = map[net.Conn]bool{}, true
	l.mu.Unlock()
	l.socket.Close()
	for c := range young {
		c.Close()
	}
}

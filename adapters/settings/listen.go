package settings

import (
	"cmp"
	"net/netip"
	"time"
)

// Engines that may serve a listener.
const (
	EngineStd   = "std"   // net/http
	EngineHTTP1 = "http1" // adapters/http1 for HTTP/1.1; net/http for HTTP/2
)

// Listener is one address to serve on, and how connections to it are treated.
// It is never part of a core.Spec: it changes no decision.
type Listener struct {
	Name    string // as written under listen
	Address string // host:port, as net.Listen takes it
	Engine  string // EngineStd or EngineHTTP1; "" means EngineHTTP1
	TLS     *ListenerTLS
	// TrustHeadersFrom lists the peers whose X-Forwarded-* are believed; nil: nobody's.
	TrustHeadersFrom []netip.Prefix
	Proxy            *ProxyProtocol // nil: a PROXY header is not HTTP, and is refused as such
	// MaxConnections is how many connections may be open at once, MaxPerClient how
	// many of one IPv4 address or one IPv6 /64; 0: no limit. One beyond is closed.
	MaxConnections, MaxPerClient int
	HeaderMax                    int64 // bytes of a request's header, both protocols; 0: 64 KiB
	Timeouts                     ListenerTimeouts
	HTTP1                        HTTP1Limits
	HTTP2                        HTTP2
}

// HTTP1Limits are the limits that EngineHTTP1 has beside those of every engine; 0
// means the default.
type HTTP1Limits struct {
	TargetMax   int64         // bytes of a request target; default 8 KiB
	HeadersMax  int           // header lines of a request; default 100
	RequestsMax int           // requests of one connection; default no limit
	BodyIdle    time.Duration // a body without a byte; default 30 s
	BodyRateMin int64         // bytes a second of a body before its answer begins, after 5 s; default 240, below 0: no limit
	Write       time.Duration // the client takes nothing of an answer; default 30 s
}

// ListenerTLS makes a listener speak TLS.
type ListenerTLS struct {
	// Folder holds the certificates, else Pairs lists them. Every pair serves the
	// names in its certificate.
	Folder string
	Pairs  []CertPair
	// Default is a name in the certificate that serves a client which names none,
	// or one that no certificate has; "": the first of Pairs, or by file name.
	Default    string
	Min        string // "1.2" or "1.3"; "" means "1.2"
	ClientCA   string // file with the authorities of client certificates; "": none are asked for
	ClientCert string // "required", "optional" or "none"; "" means "required" with ClientCA
	// TicketKeys is a file or folder of session ticket keys that routers share;
	// "": each router has its own, changed by Go every day.
	TicketKeys string
	NoTickets  bool // every handshake is a full one
}

// CertPair names the files of one certificate with its chain and of its key, in PEM.
type CertPair struct{ Cert, Key string }

// ProxyProtocol is the PROXY header, version 1 or 2, that a balancer sends first.
type ProxyProtocol struct {
	From     []netip.Prefix // balancers; a header from anybody else is refused
	Required bool           // a balancer's connection without one is refused
}

// ListenerTimeouts bound how long a client may take; 0 means the default.
type ListenerTimeouts struct {
	Handshake time.Duration // PROXY header and TLS handshake; default 10 s
	Header    time.Duration // a request's header; default 15 s
	Idle      time.Duration // between two requests; default 60 s
	Body      time.Duration // a request to the end of its body; default none
}

// HTTP2 holds the limits of an HTTP/2 connection; 0 means the default.
type HTTP2 struct {
	Off         bool          // neither h2 by ALPN nor h2c by prior knowledge
	MaxStreams  int           // requests at once on one connection; default 250
	PingEvery   time.Duration // silence after which the client is asked whether it is there; default 30 s
	PingTimeout time.Duration // it has so long to answer; default 15 s
}

// Defaults of a listener.
const (
	defaultHandshake   = 10 * time.Second
	defaultHeader      = 15 * time.Second
	defaultIdle        = 60 * time.Second
	defaultHeaderMax   = 64 << 10
	defaultTargetMax   = 8 << 10
	defaultHeadersMax  = 100
	defaultBodyIdle    = 30 * time.Second
	defaultBodyRate    = 240
	defaultWrite       = 30 * time.Second
	defaultStreams     = 250
	defaultPingEvery   = 30 * time.Second
	defaultPingTimeout = 15 * time.Second
)

// WithDefaults returns l with every setting that has a default filled in.
func (l Listener) WithDefaults() Listener {
	l.Engine = cmp.Or(l.Engine, EngineHTTP1)
	l.HeaderMax = cmp.Or(l.HeaderMax, defaultHeaderMax)
	l.Timeouts.Handshake = cmp.Or(l.Timeouts.Handshake, defaultHandshake)
	l.Timeouts.Header = cmp.Or(l.Timeouts.Header, defaultHeader)
	l.Timeouts.Idle = cmp.Or(l.Timeouts.Idle, defaultIdle)
	l.HTTP1.TargetMax = cmp.Or(l.HTTP1.TargetMax, defaultTargetMax)
	l.HTTP1.HeadersMax = cmp.Or(l.HTTP1.HeadersMax, defaultHeadersMax)
	l.HTTP1.BodyIdle = cmp.Or(l.HTTP1.BodyIdle, defaultBodyIdle)
	if l.Timeouts.Body > 0 { // then it is said how long a body may take
		l.HTTP1.BodyRateMin = cmp.Or(l.HTTP1.BodyRateMin, -1)
	}
	l.HTTP1.BodyRateMin = cmp.Or(l.HTTP1.BodyRateMin, defaultBodyRate)
	l.HTTP1.Write = cmp.Or(l.HTTP1.Write, defaultWrite)
	l.HTTP2.MaxStreams = cmp.Or(l.HTTP2.MaxStreams, defaultStreams)
	l.HTTP2.PingEvery = cmp.Or(l.HTTP2.PingEvery, defaultPingEvery)
	l.HTTP2.PingTimeout = cmp.Or(l.HTTP2.PingTimeout, defaultPingTimeout)
	if l.TLS != nil {
		t := *l.TLS
		t.Min = cmp.Or(t.Min, "1.2")
		if t.ClientCert == "" {
			t.ClientCert = "none"
			if t.ClientCA != "" {
				t.ClientCert = "required"
			}
		}
		l.TLS = &t
	}
	return l
}

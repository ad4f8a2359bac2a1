package routing

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/benbjohnson/clock"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// HeaderKey is where the baseline has the routing key, and where an upstream
// finds it wherever it came from.
const HeaderKey = "X-Routing-Key"

// Peer is what the listener knows of who sent a request.
type Peer struct {
	Listener string // name of the listener; "" where it has none
	// Judged says that there is a list of trusted peers, and Trusted that this
	// one is on it.
	Judged, Trusted bool
	// TLS is the state of the connection, nil for a plain one. A certificate
	// counts only with verified chains.
	TLS *tls.ConnectionState
}

// verified reports whether the peer has shown a client certificate that was verified.
func (p *Peer) verified() bool { return p.TLS != nil && len(p.TLS.VerifiedChains) > 0 }

// Options are what a Router is made with. The zero value is usable.
type Options struct {
	// Peer says how a request came in; nil means by no named listener, from
	// somebody who is not judged, with the request's own TLS state.
	Peer func(*http.Request) Peer
	// Log gets what an operator should know of key files; nil means nobody.
	Log *slog.Logger
	// Clock says whether a token is valid; nil means the real one.
	Clock clock.Clock
}

// Router finds routes and keys. All methods may be called from any goroutine.
type Router struct {
	o        Options
	current  atomic.Pointer[table] // of the newest configuration
	previous atomic.Pointer[table] // of the one before: a request may still be asking for it
	mu       sync.Mutex            // compiles one configuration at a time
	files    keyFiles
}

// New returns a Router. It must be closed.
func New(o Options) *Router {
	if o.Peer == nil {
		o.Peer = func(r *http.Request) Peer { return Peer{TLS: r.TLS} }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.New()
	}
	return &Router{o: o, files: keyFiles{log: o.Log, clock: o.Clock}}
}

// Close stops watching key files.
func (r *Router) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files.keep(nil)
}

// Found is how one request is routed. The zero Found is of a request that
// nobody has looked at: it is routed as the baseline does.
type Found struct {
	Via    uint16
	Source uint8
	Refuse core.Class // what the edge itself refuses it as: bad_request, unauthorized or no_route; else ClassNone
	Key    string     // "" where no source has one
	// Priority is how critical it is: 0 the most.
	Priority uint8
	Split    uint64 // hash for splits, 0 for that of the request

	table *table // nil: as the baseline
	peer  Peer
	query query
	taken bool // Via is the route that took it
}

// Find looks at a request under a configuration, which may be nil.
func (r *Router) Find(c *core.Config, req *http.Request, f *Found) {
	*f = Found{peer: r.o.Peer(req)}
	t := r.current.Load()
	if t == nil || t.config != c {
		t = r.other(c)
	}
	f.Priority = priorityOf(t.priority, req.Header, &f.peer)
	if t.plain {
		if key := req.Header[HeaderKey]; len(key) > 0 {
			f.Key = key[0]
		}
		return
	}
	f.table = t
	if t.err != nil {
		f.Refuse = core.Internal
		return
	}
	t.find(req, f)
}

// Prepare makes a configuration that was just adopted ready, so that no request
// has to wait for it. It is not needed.
func (r *Router) Prepare(c *core.Config) {
	if t := r.current.Load(); t == nil || t.config != c {
		r.other(c)
	}
}

// other returns the table of a configuration that is not the newest known.
func (r *Router) other(c *core.Config) *table {
	if t := r.previous.Load(); t != nil && t.config == c {
		return t
	}
	return r.compile(c)
}

// compile makes a configuration ready, once.
func (r *Router) compile(c *core.Config) *table {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.current.Load(); t != nil && t.config == c {
		return t
	}
	t := newTable(c, &r.files)
	if t.err != nil {
		r.o.Log.Error("the routes of the configuration cannot be used: every request is refused", "error", t.err)
	}
	r.previous.Store(r.current.Load())
	r.current.Store(t)
	return t
}

// Check says what keeps a configuration's routes from being used: the text that
// it carries for the edge is not what this program writes.
func Check(c *core.Config) error {
	files := keyFiles{log: slog.New(slog.DiscardHandler), clock: clock.New(), idle: true}
	return newTable(c, &files).err
}

// Route returns the route that a request for this host and path, by the
// listener of that name, takes under a configuration; ok is false where none does.
func Route(c *core.Config, host, path, listener string) (via int, ok bool) {
	files := keyFiles{log: slog.New(slog.DiscardHandler), clock: clock.New(), idle: true}
	t := newTable(c, &files)
	if t.plain {
		return 0, true
	}
	q := query{peer: &Peer{Listener: listener}, host: hostOf(host), path: path}
	for i := range t.routes {
		if t.routes[i].takes(&q) {
			return i, true
		}
	}
	return -1, false
}

// TrustedID reports whether the request id that came with the request may stay.
func (r *Router) TrustedID(req *http.Request) bool {
	t := r.current.Load()
	return t == nil || !t.trustedID || r.o.Peer(req).Trusted
}

// RouteName returns the name of the route, "" where the configuration has none
// or no route has taken the request.
func (f *Found) RouteName() string {
	if !f.taken {
		return ""
	}
	return f.table.routes[f.Via].name
}

// SourceName says where the key came from, "" where there is none: header
// X-Routing-Key, jwt_claim tenant.
func (f *Found) SourceName() string {
	switch {
	case f.Key == "":
		return ""
	case f.table == nil:
		return "header " + HeaderKey
	}
	return f.table.routes[f.Via].sources[f.Source].name
}

// Settings returns the routing settings of a configuration, nil for none.
func Settings(c *core.Config) (*settings.Routing, error) {
	w, err := settings.ReadWhole(c.Edge())
	return w.Routing, err
}

package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// DialFunc opens a connection to an endpoint; network is "tcp".
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Identity is what makes an endpoint the same endpoint across configurations (R12).
type Identity struct{ Placement, URL string }

// Options are what a Set is made with. The zero value is usable.
type Options struct {
	Dial DialFunc // opens connections; nil means net.Dialer
	// TLS is what connections to https endpoints begin with before a placement's
	// own settings; nil means the system's roots.
	TLS *tls.Config
	// Now says when the files of TLS settings are due for another look; nil means time.Now.
	Now func() time.Time
}

// Set holds the pool of every endpoint in use, made at first use. Its methods
// may be called from any goroutine.
type Set struct {
	dial    DialFunc
	tls     *tls.Config
	now     func() time.Time
	buffers buffers

	mu sync.RWMutex
	of map[Identity]*Pool
}

// New returns a set without pools.
func New(o Options) *Set {
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Set{dial: o.Dial, tls: o.TLS, now: o.Now, of: map[Identity]*Pool{}}
	s.buffers.init()
	return s
}

// Get returns the endpoint's pool under the settings of a placement of a
// configuration. A pool whose settings have changed is replaced; requests on
// the old one end there. An error means settings or a URL that no check passed.
func (s *Set) Get(id Identity, c *core.Config, placement int) (*Pool, error) {
	times, edge := c.Timeouts(placement), c.PlacementEdge(placement)
	s.mu.RLock()
	p := s.of[id]
	s.mu.RUnlock()
	if p == nil || !p.fits(times, edge) {
		var err error
		if p, err = s.make(id, times, edge); err != nil {
			return nil, err
		}
	}
	if p.connect.Load() != int64(times.Connect) {
		p.connect.Store(int64(times.Connect))
	}
	return p, nil
}

func (p *Pool) fits(t *core.TimeoutSpec, edge string) bool {
	return p.idleFor == time.Duration(t.UpstreamIdle) && p.edge == edge
}

func (s *Set) make(id Identity, t *core.TimeoutSpec, edge string) (*Pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.of[id]
	if old != nil && old.fits(t, edge) {
		return old, nil // somebody else made it meanwhile
	}
	p, err := s.pool(id, t, edge)
	if err != nil {
		return nil, err
	}
	s.of[id] = p
	if old != nil {
		go old.close() // it may say goodbye to many
	}
	p.warm()
	return p, nil
}

func (s *Set) pool(id Identity, t *core.TimeoutSpec, edge string) (*Pool, error) {
	u, err := url.Parse(id.URL)
	if err != nil {
		return nil, err
	}
	written, err := settings.ReadPlacement(edge)
	if err != nil {
		return nil, err
	}
	p := &Pool{set: s, id: id, edge: edge, idleFor: time.Duration(t.UpstreamIdle), scheme: u.Scheme, host: u.Host, secure: u.Scheme == "https"}
	p.connect.Store(int64(t.Connect))
	if written.Upstream != nil {
		p.settings = *written.Upstream
	}
	if p.settings.HeaderMax == 0 {
		p.settings.HeaderMax = settings.HeaderMax
	}
	p.authority = cmp.Or(p.settings.Host, p.host)
	p.addr = addressOf(u)
	if p.secure {
		p.tls = newTLSSource(s.tls, &p.settings, u.Hostname(), s.now)
	}
	if p.speaksH2() {
		p.h2 = newH2Pool(p)
	}
	return p, nil
}

// addressOf is the host and port of a URL, IPv6 in brackets.
func addressOf(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Adopted is told that c is in force. It replaces the pools whose settings have
// changed, so that no connection outlives, say, the CA it was made under, and
// makes those that keep connections warm before their first request.
func (s *Set) Adopted(c *core.Config) {
	for i := range c.Endpoints() {
		e := c.Endpoint(i)
		id := Identity{c.Placement(e.Placement).Name, e.URL}
		edge := c.PlacementEdge(e.Placement)
		s.mu.RLock()
		p := s.of[id]
		s.mu.RUnlock()
		if p != nil && !p.fits(c.Timeouts(e.Placement), edge) || p == nil && keepsWarm(edge) {
			_, _ = s.Get(id, c, e.Placement) // an error comes back with the first request
		}
	}
}

// keepsWarm reports whether a placement's settings ask for connections without need.
func keepsWarm(edge string) bool {
	if !strings.Contains(edge, `"warm"`) {
		return false // spares most of a large configuration the decoding
	}
	written, err := settings.ReadPlacement(edge)
	return err == nil && written.Upstream != nil && written.Upstream.Warm > 0
}

// Drop forgets an endpoint that has left the configuration and closes its idle
// connections.
func (s *Set) Drop(id Identity) {
	s.mu.Lock()
	p := s.of[id]
	delete(s.of, id)
	s.mu.Unlock()
	if p != nil {
		p.close()
	}
}

// CloseIdle closes every idle connection.
func (s *Set) CloseIdle() {
	s.mu.RLock()
	all := make([]*Pool, 0, len(s.of))
	for _, p := range s.of {
		all = append(all, p)
	}
	s.mu.RUnlock()
	for _, p := range all {
		p.closeIdle()
	}
}

// Each calls f for every pool, in no order.
func (s *Set) Each(f func(Identity, Stats)) {
	s.mu.RLock()
	all := make([]*Pool, 0, len(s.of))
	for _, p := range s.of {
		all = append(all, p)
	}
	s.mu.RUnlock()
	for _, p := range all {
		f(p.id, p.Stats())
	}
}

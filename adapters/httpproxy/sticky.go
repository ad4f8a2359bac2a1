package httpproxy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"sync/atomic"

	"lockstep/core"
)

// Sticky cookies (R10): the cookie of the key's home placement names the
// endpoint that the client prefers, and a Forward that pins sets that of the
// placement that serves. What it holds is a keyed hash of the endpoint's
// identity, so a client learns neither address nor name, and what it makes up
// names nothing.

// stickiness reads and writes the cookies of whichever configuration is in force.
type stickiness struct {
	key  []byte
	made atomic.Pointer[stickyTables]
}

// stickyTables are the cookies that one configuration can set.
type stickyTables struct {
	config      *core.Config
	byPlacement map[int]map[string]uint64 // by index; only of placements that set a cookie
}

// tables returns those of c, making them on first use.
func (s *stickiness) tables(c *core.Config) *stickyTables {
	if t := s.made.Load(); t != nil && t.config == c {
		return t
	}
	t := &stickyTables{config: c, byPlacement: map[int]map[string]uint64{}}
	for i := range c.Placements() {
		p := c.Placement(i)
		if p.Sticky.Cookie == "" {
			continue
		}
		values := make(map[string]uint64, p.EndEP-p.FirstEP)
		for e := p.FirstEP; e < p.EndEP; e++ {
			values[s.value(c.EndpointID(e))] = c.EndpointID(e)
		}
		t.byPlacement[i] = values
	}
	s.made.Store(t)
	return t
}

// value is what a cookie says of an endpoint: 16 hex digits.
func (s *stickiness) value(identity uint64) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(binary.BigEndian.AppendUint64([]byte("lockstep sticky 1 "), identity))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// preferred is the identity of the endpoint that the request's cookie names, 0 for none.
func (s *stickiness) preferred(c *core.Config, w *way) uint64 {
	if c == nil {
		return 0
	}
	t := s.tables(c)
	if len(t.byPlacement) == 0 {
		return 0
	}
	route, ok := w.home(c, w.id)
	if !ok {
		return 0
	}
	values := t.byPlacement[int(route.Placement)]
	if values == nil {
		return 0
	}
	// Several of one name: another path or domain set one too. The first that means something counts.
	for _, cookie := range w.request.CookiesNamed(c.Placement(int(route.Placement)).Sticky.Cookie) {
		if id := values[cookie.Value]; id != 0 {
			return id
		}
	}
	return 0
}

// pin sets the cookie of the placement that served, beside any that the upstream set.
func (x *exchange) pin(h http.Header) {
	c := x.adm.Config
	p := c.Placement(x.adm.PlacementIndex)
	cookie := http.Cookie{
		Name: p.Sticky.Cookie, Value: x.sticky.value(c.EndpointID(x.adm.EndpointIndex)), Path: "/",
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: x.way.proto() == "https",
		MaxAge: int(p.Sticky.TTL / core.Second),
	}
	h.Add("Set-Cookie", cookie.String())
}

package routing

import (
	"fmt"
	"net/http"
	"strings"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// table is the routing of one configuration.
type table struct {
	config    *core.Config
	plain     bool // as the baseline
	err       error
	routes    []route
	keyMax    int
	trustedID bool
	paths     bool // some route or source reads the path
	priority  *settings.Priority
}

type route struct {
	name      string
	hosts     []string // exact, or with a leading dot for what lies below
	paths     []string // without the slash at the end
	listeners []string
	sources   []source
	splitBy   *source
	// certificate: a verified client certificate is demanded.
	certificate bool
	// keyHeader: the key may come from X-Routing-Key itself.
	keyHeader bool
}

// newTable compiles the routing of a configuration.
func newTable(c *core.Config, files *keyFiles) *table {
	t := &table{config: c, plain: true}
	if c == nil || c.Edge() == "" {
		files.keep(nil)
		return t
	}
	whole, err := settings.ReadWhole(c.Edge())
	t.priority = whole.Priority
	s := whole.Routing
	switch {
	case err != nil:
		t.plain, t.err = false, err
		return t
	case s == nil:
		files.keep(nil)
		return t
	case len(s.Routes) != c.Routes():
		t.plain, t.err = false, fmt.Errorf("the configuration has %d routes, its text for the edge %d", c.Routes(), len(s.Routes))
		return t
	}
	t.plain, t.keyMax, t.trustedID = false, s.KeyMax, s.TrustedID
	if t.keyMax == 0 {
		t.keyMax = settings.DefaultKeyMax
	}
	files.keep(keyFilesOf(s))
	for i := range s.Routes {
		r, err := t.route(&s.Routes[i], files)
		if err != nil {
			t.err = fmt.Errorf("route %d (%s): %w", i, s.Routes[i].Name, err)
			return t
		}
		t.routes = append(t.routes, r)
	}
	return t
}

func (t *table) route(s *settings.Route, files *keyFiles) (route, error) {
	r := route{name: s.Name, listeners: s.Listeners, certificate: s.ClientCert}
	for _, h := range s.Hosts {
		r.hosts = append(r.hosts, strings.TrimPrefix(h, "*"))
	}
	for _, p := range s.Paths {
		t.paths = true
		r.paths = append(r.paths, strings.TrimSuffix(p, "/"))
	}
	for i := range s.Sources {
		one, err := newSource(&s.Sources[i], files)
		if err != nil {
			return r, err
		}
		t.paths = t.paths || s.Sources[i].Segment != 0
		r.keyHeader = r.keyHeader || s.Sources[i].Header == HeaderKey
		r.sources = append(r.sources, one)
	}
	if len(r.sources) > 256 {
		return r, fmt.Errorf("it has %d key sources, use at most 256", len(r.sources))
	}
	if s.SplitBy != nil {
		one, err := newSource(s.SplitBy, files)
		if err != nil {
			return r, err
		}
		r.splitBy = &one
	}
	return r, nil
}

// find fills in how a request is routed.
func (t *table) find(req *http.Request, f *Found) {
	q := &f.query // here, so that nothing is allocated
	*q = query{Request: req, peer: &f.peer, host: hostOf(req.Host), path: pathOf(req)}
	if t.paths && unclear(q.path) {
		f.Refuse = core.BadRequest
		return
	}
	for i := range t.routes {
		if t.routes[i].takes(q) {
			f.Via, f.taken = uint16(i), true
			if t.routes[i].certificate && !q.peer.verified() {
				f.Refuse = core.Unauthorized
				return
			}
			t.key(&t.routes[i], q, f)
			return
		}
	}
	f.Refuse = core.NoRoute
}

func (r *route) takes(q *query) bool {
	if len(r.listeners) > 0 && !contains(r.listeners, q.peer.Listener) {
		return false
	}
	if len(r.hosts) > 0 && !r.takesHost(q.host) {
		return false
	}
	if len(r.paths) == 0 {
		return true
	}
	for _, p := range r.paths {
		if _, ok := below(q.path, p); ok {
			return true
		}
	}
	return false
}

func (r *route) takesHost(host string) bool {
	for _, h := range r.hosts {
		if h == host || h[0] == '.' && len(host) > len(h) && strings.HasSuffix(host, h) {
			return true
		}
	}
	return false
}

// key asks the sources of a route in order. A value that cannot be a key is
// refused, not passed over: the next source would give another tenant's.
func (t *table) key(r *route, q *query, f *Found) {
	for i := range r.sources {
		v, verdict := r.sources[i].read(q)
		switch {
		case verdict != core.ClassNone:
			f.Refuse = verdict
			return
		case v == "":
			continue
		case len(v) > t.keyMax || !sound(v):
			f.Refuse = core.BadRequest
			return
		}
		f.Key, f.Source = v, uint8(i)
		break
	}
	if r.splitBy == nil || f.Key == "" {
		return
	}
	// Who has no cookie yet, or two, is drawn by request.
	if v, verdict := r.splitBy.read(q); v != "" && verdict == core.ClassNone {
		f.Split = core.HashString(v)
	}
}

// sound reports whether a key can stand in a header and a log as it is: no
// control characters, no space at either end.
func sound(key string) bool {
	for i := range len(key) {
		if c := key[i]; c < ' ' || c == 0x7f {
			return false
		}
	}
	return key[0] != ' ' && key[len(key)-1] != ' '
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

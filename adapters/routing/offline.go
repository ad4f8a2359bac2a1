package routing

import (
	"log/slog"
	"net/http"

	"github.com/benbjohnson/clock"

	"lockstep/core"
)

// Offline finds routes and keys of requests that nobody has sent, for checks of
// a configuration. No key file is read: what a token that holds would say is
// given with each question. It is not safe for concurrent use.
type Offline struct {
	table  *table
	claims map[string]string // of the question at hand
}

// NewOffline compiles the routing of a configuration.
func NewOffline(c *core.Config) (*Offline, error) {
	files := keyFiles{log: slog.New(slog.DiscardHandler), clock: clock.New(), idle: true}
	o := &Offline{table: newTable(c, &files)}
	if o.table.err != nil {
		return nil, o.table.err
	}
	s, err := Settings(c)
	if err != nil || s == nil {
		return o, err
	}
	for i := range s.Routes {
		for k := range s.Routes[i].Sources {
			if jwt := s.Routes[i].Sources[k].JWT; jwt != nil {
				o.table.routes[i].sources[k].read = func(*query) (string, core.Class) { return o.claims[jwt.Claim], core.ClassNone }
			}
		}
	}
	return o, nil
}

// Find looks at a request as Router.Find does. claims are those of a token that
// holds for every source that asks for one; nil means that there is no token.
func (o *Offline) Find(req *http.Request, peer Peer, claims map[string]string, f *Found) {
	*f = Found{peer: peer}
	f.Priority = priorityOf(o.table.priority, req.Header, &f.peer)
	if o.table.plain {
		if key := req.Header[HeaderKey]; len(key) > 0 {
			f.Key = key[0]
		}
		return
	}
	f.table, o.claims = o.table, claims
	o.table.find(req, f)
}

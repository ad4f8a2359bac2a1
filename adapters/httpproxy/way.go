package httpproxy

import (
	"net/http"

	"lockstep/adapters/driver"
	"lockstep/adapters/routing"
	"lockstep/core"
)

// way is how one request is routed: what package routing found in it, under the
// configuration that decided it.
type way struct {
	routing.Found
	router  *routing.Router
	sticky  *stickiness
	id      [2]uint64
	request *http.Request
}

// Resolve implements driver.Resolver.
func (w *way) Resolve(c *core.Config) driver.Resolved {
	w.router.Find(c, w.request, &w.Found)
	return driver.Resolved{
		Key: w.Key, Split: w.Split, Via: w.Via, Source: w.Source, Refuse: w.Refuse,
		Prefer: w.sticky.preferred(c, w), Priority: w.Priority,
	}
}

// home is the key's own placement; ok is false where it has none.
func (w *way) home(c *core.Config, id [2]uint64) (core.Route, bool) {
	split := w.Split
	if split == 0 {
		split = core.RequestHash(id[0], id[1])
	}
	return c.MatchVia(w.Via, w.Key, split)
}

// proto is the scheme by which the client came, as a trusted edge says or as we see it.
func (w *way) proto() string {
	if said := w.request.Header[headerForProto]; w.Believed() && len(said) > 0 && said[0] != "" {
		return said[0]
	}
	if w.request.TLS != nil || w.Secure() {
		return "https"
	}
	return "http"
}

// setKey keeps a Connection header from naming the routing key away.
func (w *way) setKey(out http.Header) {
	if key := w.request.Header[headerKey]; len(key) > 0 && w.Plain() {
		out[headerKey] = key
	}
}

package accesslog

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"lockstep/core"
)

// place is what an upstream of a log is in the configuration.
type place struct {
	placements []int // none: nobody knows; several: they share the address
	endpoints  []int // none: only the placement is known
}

// known reports whether the configuration has it at all.
func (p *place) known() bool { return len(p.placements) > 0 }

// targets finds the endpoints that upstreams of a log stand for.
type targets struct {
	config *core.Config
	byName map[string]*place // address, URL, placement/endpoint or placement, in lower case
	cache  map[upstreamName]*place
}

type upstreamName struct{ upstream, group string }

// maxCached bounds how many names of upstreams are remembered.
const maxCached = 1 << 14

var nowhere = new(place)

// newTargets prepares the names of a configuration; each of maps is
// "upstream=placement" or "upstream=placement/endpoint", and goes first.
func newTargets(c *core.Config, maps []string) (*targets, error) {
	t := &targets{config: c, byName: map[string]*place{}, cache: map[upstreamName]*place{}}
	for i := range c.Placements() {
		p := c.Placement(i)
		t.add(p.Name, i, -1)
		for e := p.FirstEP; e < p.EndEP; e++ {
			info := c.Endpoint(e)
			t.add(info.URL, i, e)
			t.add(addressOf(info.URL), i, e)
			t.add(p.Name+"/"+info.Name, i, e)
		}
	}
	own := map[string]*place{}
	for _, m := range maps {
		from, to, ok := strings.Cut(m, "=")
		p := t.byName[strings.ToLower(to)]
		switch {
		case !ok || from == "":
			return nil, fmt.Errorf("%q maps nothing: write upstream=placement or upstream=placement/endpoint, such as 10.0.0.7:80=cell-07", m)
		case p == nil:
			return nil, fmt.Errorf("%q: the configuration has no placement or endpoint %q", m, to)
		}
		own[strings.ToLower(from)] = p
	}
	for from, p := range own {
		t.byName[from] = p
	}
	return t, nil
}

func (t *targets) add(name string, placement, endpoint int) {
	name = strings.ToLower(name)
	p := t.byName[name]
	if p == nil {
		p = new(place)
		t.byName[name] = p
	}
	if !slices.Contains(p.placements, placement) {
		p.placements = append(p.placements, placement)
	}
	if endpoint >= 0 && !slices.Contains(p.endpoints, endpoint) {
		p.endpoints = append(p.endpoints, endpoint)
	}
}

// addressOf is host:port of a URL.
func addressOf(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return s
	}
	if u.Port() != "" {
		return u.Host
	}
	port := "80"
	if u.Scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// find returns what an attempt's upstream is. It never returns nil.
func (t *targets) find(a *Attempt) *place {
	key := upstreamName{a.Upstream, a.Group}
	if p := t.cache[key]; p != nil {
		return p
	}
	p := t.look(a)
	if len(t.cache) < maxCached {
		t.cache[upstreamName{strings.Clone(a.Upstream), strings.Clone(a.Group)}] = p
	}
	return p
}

// look tries the names from the most particular to the least.
func (t *targets) look(a *Attempt) *place {
	upstream := strings.ToLower(strings.TrimPrefix(a.Upstream, "tcp://"))
	group, _, _ := strings.Cut(upstream, "/")
	names := []string{upstream}
	if strings.Contains(upstream, "://") {
		names = append(names, strings.ToLower(addressOf(upstream)), strings.TrimSuffix(upstream, "/"))
	} else if group != upstream && group != "unix:" {
		names = append(names, group)
	}
	if a.Group != "" {
		names = append(names, strings.ToLower(a.Group+"/"+a.Upstream), strings.ToLower(a.Group))
	}
	for i, name := range names {
		if p := t.byName[name]; p != nil {
			if i > 0 || name == "" {
				return p
			}
			return t.within(p, a.Group)
		}
	}
	return nowhere
}

// within narrows an address that several placements share to the one that the
// log names, if it names one.
func (t *targets) within(p *place, group string) *place {
	at, ok := t.config.FindPlacement(group)
	if len(p.placements) < 2 || !ok || !slices.Contains(p.placements, at) {
		return p
	}
	out := &place{placements: []int{at}}
	for _, e := range p.endpoints {
		if t.config.Endpoint(e).Placement == at {
			out.endpoints = append(out.endpoints, e)
		}
	}
	return out
}

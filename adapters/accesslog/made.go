package accesslog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"lockstep/core"
)

// Made is a configuration that was made of a log, for want of another.
type Made struct {
	Placements int `json:"placements"`
	Endpoints  int `json:"endpoints"`
	Keys       int `json:"keys"`
	// ByGroup: the log has no routing key, so the name of the group of servers
	// stands for it.
	ByGroup bool `json:"group_stands_for_key"`
	// Named: the log names groups of servers. Else those are one that serve the
	// same keys.
	Named bool `json:"groups_are_logged"`

	config *core.Config
	maps   []string
}

// Limits of what is gathered to make a configuration.
const (
	maxMadeKeys      = 200_000
	maxMadeUpstreams = 4_096
)

// census is who served which key.
type census struct {
	upstreams map[string]*madeUpstream
	keys      map[string]map[*madeUpstream]int // requests
}

type madeUpstream struct {
	name, group string
	same        *madeUpstream // one of the same placement, nil for itself
}

// root is the one that stands for the placement.
func (u *madeUpstream) root() *madeUpstream {
	for u.same != nil {
		u = u.same
	}
	return u
}

// makeConfig reads the log once and makes a configuration that has its upstreams
// and sends each key where most of its requests went. It has no breaker, no
// limit, no health check, no fallback, and selects the endpoint that was logged.
func makeConfig(f Feed) (*Made, error) {
	for _, name := range f.Files {
		if what := readOnce(name); what != "" {
			return nil, fmt.Errorf("%s can be read once only, and without a configuration the log is read twice: give one with -c, or name a file", what)
		}
	}
	c, err := takeCensus(f)
	if err != nil {
		return nil, err
	}
	m := &Made{}
	for _, u := range c.upstreams {
		m.Named = m.Named || u.group != ""
	}
	if len(c.keys) == 0 {
		m.ByGroup = true
		for _, u := range c.upstreams {
			c.keys[cmp.Or(u.group, allUpstreams)] = map[*madeUpstream]int{}
		}
		for _, u := range c.upstreams {
			c.keys[cmp.Or(u.group, allUpstreams)][u] = 1
		}
	}
	c.unite(m.Named)
	return m, m.compile(c)
}

// takeCensus reads the log without deciding anything.
func takeCensus(f Feed) (*census, error) {
	plain, err := core.Compile(core.Spec{Version: "none", Default: "x", Placements: []core.PlacementSpec{{Name: "x", Endpoints: []core.EndpointSpec{{URL: "http://x:1"}}}}})
	if err != nil {
		return nil, err
	}
	r, err := newResolver(plain, f.Keys, "")
	if err != nil {
		return nil, err
	}
	defer r.close()
	in, err := newReader(f.Input)
	if err != nil {
		return nil, err
	}
	defer in.close()
	c := &census{upstreams: map[string]*madeUpstream{}, keys: map[string]map[*madeUpstream]int{}}
	used := make([]*Entry, 0, batchSize)
	for {
		e, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && e.Server == "" {
			err = c.take(e, r.find(e).key)
		}
		if err != nil {
			return nil, err
		}
		if used = append(used, e); len(used) == batchSize {
			in.recycle(used)
			used = make([]*Entry, 0, batchSize)
		}
	}
	switch {
	case in.stats.Requests == 0:
		return nil, errEmpty
	case len(c.upstreams) == 0:
		return nil, errors.New("the log does not tell which upstream served, so no configuration can be made of it: give one with -c")
	}
	return c, nil
}

// take counts the first attempt, which is where a key belongs.
func (c *census) take(e *Entry, key string) error {
	if len(e.Attempts) == 0 || e.lonely() {
		return nil
	}
	first := &e.Attempts[0]
	u := c.upstreams[first.Upstream]
	if u == nil {
		if len(c.upstreams) == maxMadeUpstreams {
			return fmt.Errorf("there are more than %d upstreams: give a configuration with -c", maxMadeUpstreams)
		}
		u = &madeUpstream{name: strings.Clone(first.Upstream), group: strings.Clone(first.Group)}
		c.upstreams[u.name] = u
	}
	if key == "" {
		return nil
	}
	served := c.keys[key]
	if served == nil {
		if len(c.keys) == maxMadeKeys {
			return fmt.Errorf("there are more than %d routing keys: give a configuration with -c", maxMadeKeys)
		}
		served = map[*madeUpstream]int{}
		c.keys[strings.Clone(key)] = served
	}
	served[u]++
	return nil
}

// minorShare: an upstream that served less than this share (one in) of a key's
// requests is no home of it, but somewhere that it failed over to.
const minorShare = 10

// unite puts upstreams into placements: by the group that was logged, or else
// those that serve the same keys.
func (c *census) unite(named bool) {
	if named {
		groups := map[string]*madeUpstream{}
		for _, name := range slices.Sorted(maps.Keys(c.upstreams)) {
			u := c.upstreams[name]
			if first := groups[u.group]; first != nil {
				u.same = first
			} else {
				groups[u.group] = u
			}
		}
		return
	}
	for _, key := range slices.Sorted(maps.Keys(c.keys)) {
		total := 0
		for _, n := range c.keys[key] {
			total += n
		}
		var first *madeUpstream
		for _, u := range sortedUpstreams(c.keys[key]) {
			if c.keys[key][u]*minorShare < total {
				continue
			}
			switch {
			case first == nil:
				first = u.root()
			case u.root() != first:
				u.root().same = first
			}
		}
	}
}

func sortedUpstreams(served map[*madeUpstream]int) []*madeUpstream {
	return slices.SortedFunc(maps.Keys(served), func(a, b *madeUpstream) int { return cmp.Compare(a.name, b.name) })
}

// compile makes the configuration.
func (m *Made) compile(c *census) (err error) {
	spec := core.Spec{Version: FlagImported}
	index := map[*madeUpstream]int{}
	for _, name := range slices.Sorted(maps.Keys(c.upstreams)) {
		u := c.upstreams[name]
		root := u.root()
		at, ok := index[root]
		if !ok {
			at = len(spec.Placements)
			index[root] = at
			spec.Placements = append(spec.Placements, madePlacement(cmp.Or(root.group, fmt.Sprintf("group-%d", at+1))))
		}
		p := &spec.Placements[at]
		p.Endpoints = append(p.Endpoints, m.endpoint(u, p.Name))
		m.Endpoints++
	}
	for _, key := range slices.Sorted(maps.Keys(c.keys)) {
		spec.Keys = append(spec.Keys, core.KeySpec{Key: key, Placement: spec.Placements[index[home(c.keys[key])]].Name})
	}
	m.Placements, m.Keys = len(spec.Placements), len(spec.Keys)
	if m.config, err = core.Compile(spec); err != nil {
		return fmt.Errorf("no configuration can be made of this log: %w; give one with -c", err)
	}
	return nil
}

// madePlacement decides nothing by itself: whoever is preferred serves.
func madePlacement(name string) core.PlacementSpec {
	return core.PlacementSpec{
		Name: name, Sticky: core.StickySpec{Cookie: "logged"},
		Breaker: core.BreakerSpec{Off: true}, Health: core.HealthSpec{Off: true},
	}
}

// endpoint has the address as its URL. A log that has only a name gets one under
// .invalid, which is nobody's.
func (m *Made) endpoint(u *madeUpstream, placement string) core.EndpointSpec {
	_, server, hasGroup := strings.Cut(u.name, "/")
	out := core.EndpointSpec{Name: u.name, URL: "http://" + u.name}
	switch {
	case strings.Contains(u.name, "://"):
		out.URL = strings.Replace(u.name, "tcp://", "http://", 1)
	case hasGroup && !strings.HasPrefix(u.name, "unix:"):
		out.Name, out.URL = server, "http://"+hostLabel(server)+"."+hostLabel(placement)+".invalid"
	case !strings.Contains(u.name, ":") || strings.HasPrefix(u.name, "unix:"):
		out.URL = "http://" + hostLabel(u.name) + ".invalid"
	}
	m.maps = append(m.maps, u.name+"="+placement+"/"+out.Name)
	return out
}

// hostLabel is a name as a host may have it.
func hostLabel(s string) string {
	b := []byte(strings.ToLower(s))
	for i, c := range b {
		if !isWordByte(c) || c == '_' {
			b[i] = '-'
		}
	}
	return strings.Trim(string(b), "-")
}

// home is the placement with most of the requests, by the upstream that stands for it.
func home(served map[*madeUpstream]int) *madeUpstream {
	sums := map[*madeUpstream]int{}
	for u, n := range served {
		sums[u.root()] += n
	}
	var best *madeUpstream
	for _, u := range sortedUpstreams(sums) {
		if best == nil || sums[u] > sums[best] {
			best = u
		}
	}
	return best
}

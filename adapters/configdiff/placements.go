package configdiff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/core"
)

// What happened to a placement, an endpoint or a route.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// PlacementChange is what differs of one placement.
type PlacementChange struct {
	Name      string               `json:"name"`
	What      string               `json:"what"` // Added, Removed or Changed
	OldAt     *configfile.Position `json:"old_at,omitempty"`
	NewAt     *configfile.Position `json:"new_at,omitempty"`
	Settings  []Setting            `json:"settings,omitempty"`
	Endpoints []EndpointChange     `json:"endpoints,omitempty"`
	// SameAs names the placement of the other side that has the same endpoints, for
	// one that seems to have another name now.
	SameAs string `json:"same_endpoints_as,omitempty"`
	// Hash says, under a policy that hashes keys, how many of them another endpoint serves.
	Hash *HashMove `json:"hash,omitempty"`
	Keys int       `json:"keys"` // with their home in it, split ones left out; of the new side, or the old one if it is removed

	was, is int
}

// EndpointChange is what differs of one endpoint. Its identity is its URL.
type EndpointChange struct {
	URL      string               `json:"url"`
	Name     string               `json:"name"`
	What     string               `json:"what"`
	Settings []Setting            `json:"settings,omitempty"` // weight, limit, name
	OldAt    *configfile.Position `json:"old_at,omitempty"`
	NewAt    *configfile.Position `json:"new_at,omitempty"`
}

// placements compares them by name, and prepares to count what hashing moves.
func (x *comparison) placements(r *Report) {
	a, b := x.old.Config, x.new.Config
	names := map[string][2]int{}
	for i := range a.Placements() {
		names[a.Placement(i).Name] = [2]int{i, -1}
	}
	for i := range b.Placements() {
		at, ok := names[b.Placement(i).Name]
		if !ok {
			at[0] = -1
		}
		at[1] = i
		names[b.Placement(i).Name] = at
	}
	var hashed []int32
	for _, name := range slices.Sorted(maps.Keys(names)) {
		p := x.placement(name, names[name][0], names[name][1])
		if p == nil {
			continue
		}
		if p.What == Changed && x.movesByHash(p) {
			hashed = append(hashed, int32(p.was))
		}
		r.Placements = append(r.Placements, *p)
	}
	x.renamed(r.Placements)
	x.hash(hashed)
}

// placement is what differs of one, nil for nothing.
func (x *comparison) placement(name string, was, is int) *PlacementChange {
	p := &PlacementChange{Name: name, What: Changed, was: was, is: is}
	var old, now []configfile.Value
	if was >= 0 {
		old = effective(x.old, was)
	}
	if is >= 0 {
		now = effective(x.new, is)
	}
	switch {
	case was < 0:
		p.What = Added
	case is < 0:
		p.What = Removed
	default:
		p.Settings = differences(old, now)
		for i := range p.Settings {
			v := &p.Settings[i]
			v.OldAt, v.NewAt = settingAt(x.old, name, v.Path), settingAt(x.new, name, v.Path)
		}
		if a, b := x.old.Config.PlacementEdge(was), x.new.Config.PlacementEdge(is); a != b && len(p.Settings) == 0 {
			p.Settings = []Setting{{"upstream", a, b, placementAt(x.old, name), placementAt(x.new, name)}} // a setting that Effective does not list
		}
	}
	p.Endpoints = x.endpoints(was, is)
	if p.What == Changed && len(p.Settings)+len(p.Endpoints) == 0 {
		return nil
	}
	if was >= 0 {
		p.OldAt = placementAt(x.old, name)
	}
	if is >= 0 {
		p.NewAt = placementAt(x.new, name)
	}
	return p
}

// settingAt is where a setting of a placement is written, nil for nowhere.
func settingAt(s Side, placement, path string) *configfile.Position {
	if at, ok := s.File.Where("placements." + placement + "." + path); ok {
		return place(at)
	}
	return nil
}

func placementAt(s Side, name string) *configfile.Position {
	at, _ := s.File.Where("placements." + name)
	return place(at)
}

// effective is the settings of a placement, without their places, without its
// endpoints, which have no order, and with what finds them.
func effective(s Side, i int) (out []configfile.Value) {
	for _, v := range s.File.EffectiveValues(s.Config, i) {
		if !strings.HasPrefix(v.Path, "endpoints[") {
			out = append(out, v)
		}
	}
	for k := range s.File.Discover {
		d := &s.File.Discover[k]
		if d.Placement != s.Config.Placement(i).Name {
			continue
		}
		for _, v := range [][2]string{{"dns", d.String()}, {"server", d.Server}, {"scheme", d.Scheme}} {
			if v[1] != "" {
				out = append(out, configfile.Value{Path: "endpoints." + v[0], Value: v[1]})
			}
		}
	}
	return out
}

// differences lists the values that are not the same, in the order of the lists.
func differences(old, now []configfile.Value) (out []Setting) {
	was := map[string]configfile.Value{}
	for _, v := range old {
		was[v.Path] = v
	}
	is := map[string]bool{}
	for _, v := range now {
		is[v.Path] = true
		o, ok := was[v.Path]
		if !ok || o.Value != v.Value {
			out = append(out, Setting{v.Path, o.Value, v.Value, place(o.From), place(v.From)})
		}
	}
	for _, o := range old {
		if !is[o.Path] {
			out = append(out, Setting{o.Path, o.Value, "", place(o.From), nil})
		}
	}
	return out
}

// endpoints compares those of a placement by URL; those that are added or
// removed with the whole placement are not listed one by one.
func (x *comparison) endpoints(was, is int) (out []EndpointChange) {
	if was < 0 || is < 0 || x.old.discovered(was) && x.new.discovered(is) {
		return nil // what DNS finds is not known here; its name is a setting
	}
	a, b := endpointsOf(x.old, was), endpointsOf(x.new, is)
	urls := slices.Sorted(maps.Keys(a))
	for url := range b {
		if _, ok := a[url]; !ok {
			urls = append(urls, url)
		}
	}
	slices.Sort(urls)
	for _, url := range urls {
		o, inOld := a[url]
		n, inNew := b[url]
		e := EndpointChange{URL: url, Name: cmp.Or(n.info.Name, o.info.Name), What: Changed}
		switch {
		case !inNew:
			e.What = Removed
		case !inOld:
			e.What = Added
		default:
			e.Settings = endpointSettings(&o, &n)
		}
		if e.What != Changed || len(e.Settings) > 0 {
			e.OldAt, e.NewAt = o.at(), n.at()
			out = append(out, e)
		}
	}
	if x.orderOfFirst(was, is, out) {
		out = append(out, EndpointChange{What: Changed, Settings: []Setting{{
			"order", strings.Join(urlsOf(x.old, was), ", "), strings.Join(urlsOf(x.new, is), ", "), nil, nil,
		}}})
	}
	return out
}

// discovered reports whether DNS finds the endpoints of a placement.
func (s *Side) discovered(placement int) bool {
	name := s.Config.Placement(placement).Name
	return slices.ContainsFunc(s.File.Discover, func(d configfile.Discovery) bool { return d.Placement == name })
}

// orderOfFirst reports whether the same endpoints stand in another order under
// First, where the order is the meaning.
func (x *comparison) orderOfFirst(was, is int, changes []EndpointChange) bool {
	a, b := x.old.Config.Placement(was), x.new.Config.Placement(is)
	return len(changes) == 0 && a.Select == core.First && b.Select == core.First && !slices.Equal(urlsOf(x.old, was), urlsOf(x.new, is))
}

func urlsOf(s Side, placement int) (out []string) {
	p := s.Config.Placement(placement)
	for i := p.FirstEP; i < p.EndEP; i++ {
		out = append(out, s.Config.Endpoint(i).URL)
	}
	return out
}

// endpoint is one endpoint and where it is written.
type endpoint struct {
	info core.EndpointInfo
	path string // of it in the files, "" where that side does not have it
	side Side
}

// at is where it is written.
func (e *endpoint) at() *configfile.Position {
	if e.path == "" {
		return nil
	}
	at, _ := e.side.File.Where(e.path)
	return place(at)
}

func endpointsOf(s Side, placement int) map[string]endpoint {
	p, out := s.Config.Placement(placement), map[string]endpoint{}
	for i := p.FirstEP; i < p.EndEP; i++ {
		info := s.Config.Endpoint(i)
		out[info.URL] = endpoint{info: info, side: s}
	}
	if spec := s.File.PlacementSpec(p.Name); spec != nil {
		for k, e := range spec.Endpoints {
			known := out[e.URL]
			known.path = fmt.Sprintf("placements.%s.endpoints[%d]", p.Name, k)
			out[e.URL] = known
		}
	}
	return out
}

func endpointSettings(o, n *endpoint) (out []Setting) {
	compare := func(path, old, now string) {
		if old != now {
			out = append(out, Setting{path, old, now, o.where(path), n.where(path)})
		}
	}
	limit := func(n uint32) string {
		if n == 0 {
			return "none"
		}
		return fmt.Sprint(n)
	}
	compare("weight", fmt.Sprintf("%d%%", o.info.Weight), fmt.Sprintf("%d%%", n.info.Weight))
	compare("limit", limit(o.info.Limit), limit(n.info.Limit))
	compare("name", o.info.Name, n.info.Name)
	return out
}

func (e *endpoint) where(setting string) *configfile.Position {
	if at, ok := e.side.File.Where(e.path + "." + setting); ok {
		return place(at)
	}
	return e.at()
}

// renamed notes which placement of one side alone has the endpoints of one of the other.
func (x *comparison) renamed(all []PlacementChange) {
	gone := map[string]*PlacementChange{}
	for i := range all {
		if p := &all[i]; p.What == Removed {
			gone[strings.Join(sorted(urlsOf(x.old, p.was)), "\n")] = p
		}
	}
	for i := range all {
		q := &all[i]
		if q.What != Added {
			continue
		}
		urls := strings.Join(sorted(urlsOf(x.new, q.is)), "\n")
		if p := gone[urls]; p != nil {
			p.SameAs, q.SameAs = q.Name, p.Name
			delete(gone, urls)
		}
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// movesByHash reports whether keys may go to other endpoints of a placement
// whose policies hash them.
func (x *comparison) movesByHash(p *PlacementChange) bool {
	a, b := x.old.Config.Placement(p.was), x.new.Config.Placement(p.is)
	if !a.Select.Hashing() || !b.Select.Hashing() {
		return false
	}
	if a.Select != b.Select || a.Shards != b.Shards {
		return true
	}
	return slices.ContainsFunc(p.Endpoints, func(e EndpointChange) bool {
		return e.What != Changed || slices.ContainsFunc(e.Settings, func(s Setting) bool { return s.Path == "weight" })
	})
}

// moves fills in what only the walk over all keys knows.
func (x *comparison) moves(r *Report) {
	if len(r.Placements) == 0 {
		return
	}
	old, now := homes(x.old.Config), homes(x.new.Config)
	for i := range r.Placements {
		p := &r.Placements[i]
		if p.What == Removed {
			p.Keys = old[p.was]
		} else {
			p.Keys = now[p.is]
		}
		if x.hashed != nil && p.What == Changed {
			p.Hash = x.hashed.moves[int32(p.was)]
		}
	}
}

// homes counts the keys of every placement, split ones left out.
func homes(c *core.Config) []int {
	n := make([]int, c.Placements())
	for t := range c.Tables() {
		for i := range c.TableKeys(t) {
			if _, home := c.TableKey(t, i); home >= 0 {
				n[home]++
			}
		}
	}
	return n
}

package incident

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"lockstep/core"
)

// How far the clocks of several routers are apart. Nothing in a recording says
// so; what several routers saw of one thing bounds it.

// shared is what one router saw that others may have seen too.
type shared struct {
	ids    map[[2]uint64]*seen
	under  uint64 // ids whose mix is at least this are not kept
	adopts map[uint64][]int64
	edges  []edge
}

// seen is one request, by the id that its client gave it.
type seen struct {
	from, to int64
	outcome  Outcome
	again    bool // the id came more than once
}

// edge bounds when an endpoint began or ceased to work: after the one, before the other.
type edge struct {
	endpoint uint64 // its identity: placement and URL
	mended   bool
	lo, hi   int64
}

// mostIDs bounds the ids kept of a router. Which are kept depends on the id
// alone, so every router keeps the same.
const mostIDs = 1 << 15

// mostEdges and mostAdopts bound what else is kept.
const (
	mostEdges  = 1 << 12
	mostAdopts = 1 << 12
)

func newShared() shared {
	return shared{ids: map[[2]uint64]*seen{}, under: math.MaxUint64, adopts: map[uint64][]int64{}}
}

func (s *shared) request(id [2]uint64, from, to int64, o Outcome) {
	m := core.RequestHash(id[0], id[1])
	if id == ([2]uint64{}) || m >= s.under {
		return
	}
	if have := s.ids[id]; have != nil {
		have.again = true
		return
	}
	s.ids[id] = &seen{from: from, to: to, outcome: o}
	for len(s.ids) > mostIDs {
		s.under /= 2
		maps.DeleteFunc(s.ids, func(id [2]uint64, _ *seen) bool { return core.RequestHash(id[0], id[1]) >= s.under })
	}
}

func (s *shared) adopt(digest uint64, t int64) {
	if len(s.adopts) < mostAdopts {
		s.adopts[digest] = append(s.adopts[digest], t)
	}
}

func (s *shared) edge(endpoint uint64, mended bool, lo, hi int64) {
	if len(s.edges) < mostEdges && lo < hi {
		s.edges = append(s.edges, edge{endpoint, mended, lo, hi})
	}
}

// Skew is how far a router's clock is ahead of the first one's.
type Skew struct {
	Router    string     `json:"router"`
	Reference string     `json:"reference"`
	Known     bool       `json:"known"`       // both bounds are
	Estimate  int64      `json:"estimate_ns"` // middle of the bounds; positive: its clock is ahead
	PlusMinus int64      `json:"plus_minus_ns"`
	Applied   bool       `json:"applied"` // its times are shifted, because the bounds leave out 0
	Evidence  []Evidence `json:"evidence,omitempty"`
	Text      string     `json:"text"`
}

// Evidence is one sort of thing that both saw.
type Evidence struct {
	Kind    string `json:"kind"`
	Count   int    `json:"count"`
	Assumes string `json:"assumes"`
	Used    bool   `json:"used"` // false: it contradicts what comes before it, or itself
	bounds
}

// bounds of a skew in ns.
type bounds struct {
	Lo int64 `json:"-"`
	Hi int64 `json:"-"`
}

func anything() bounds { return bounds{math.MinInt64, math.MaxInt64} }

func (b bounds) and(c bounds) bounds { return bounds{max(b.Lo, c.Lo), min(b.Hi, c.Hi)} }
func (b bounds) empty() bool         { return b.Lo > b.Hi }
func (b bounds) closed() bool        { return b.Lo != math.MinInt64 && b.Hi != math.MaxInt64 }

// pushDelay is how much later than another a router is taken to adopt one push.
const pushDelay = int64(core.Second)

// skewOf compares two routers.
func skewOf(a, b *survey) Skew {
	k := Skew{Router: b.Name, Reference: a.Name}
	k.Evidence = slices.DeleteFunc([]Evidence{sameRequests(a, b), samePushes(a, b), sameEdges(a, b)}, func(e Evidence) bool { return e.Count == 0 })
	all := anything()
	for i := range k.Evidence {
		e := &k.Evidence[i]
		if next := all.and(e.bounds); !next.empty() {
			all, e.Used = next, true
		}
	}
	if k.Known = all.closed(); k.Known {
		k.Estimate, k.PlusMinus = all.Lo+(all.Hi-all.Lo)/2, (all.Hi-all.Lo+1)/2
		k.Applied = all.Lo > 0 || all.Hi < 0
	}
	k.Text = k.say(all)
	return k
}

func (k *Skew) say(all bounds) string {
	if len(k.Evidence) == 0 {
		return fmt.Sprintf("%s and %s share no request, no push and no failing endpoint: their clocks are taken as they are", k.Router, k.Reference)
	}
	var by string
	for i, e := range k.Evidence {
		if i > 0 {
			by += ", "
		}
		by += fmt.Sprintf("%s (%d)", e.Kind, e.Count)
		if !e.Used {
			by += ", left out because it contradicts the rest"
		}
	}
	switch {
	case k.Applied:
		ahead, by2 := "ahead of", k.Estimate
		if by2 < 0 {
			ahead, by2 = "behind", -by2
		}
		return fmt.Sprintf("the clock of %s is %s %s that of %s, give or take %s, and its times below are corrected by that; by %s", k.Router, short(by2), ahead, k.Reference, short(k.PlusMinus), by)
	case k.Known:
		return fmt.Sprintf("the clocks of %s and %s agree as far as can be told: the difference is between %s and %s, and nothing is corrected; by %s", k.Router, k.Reference, signed(all.Lo), signed(all.Hi), by)
	}
	return fmt.Sprintf("what %s and %s share bounds the difference of their clocks on one side only, so they are taken as they are; by %s", k.Router, k.Reference, by)
}

// short prints a length of time with about three figures.
func short(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.String()
}

func signed(ns int64) string {
	if ns < 0 {
		return "-" + short(-ns)
	}
	return "+" + short(ns)
}

// sameRequests uses ids that both saw. Served by both: one router stood behind
// the other, and the shorter request lies within the longer. Not served by the
// one and served by the other: the client tried again, later.
func sameRequests(a, b *survey) Evidence {
	e := Evidence{Kind: "request ids seen by both", Assumes: "a request served by both passed through one to the other, one not served by the first was tried again later", bounds: anything()}
	for id, x := range a.shared.ids {
		y := b.shared.ids[id]
		if y == nil || x.again || y.again {
			continue
		}
		good := func(s *seen) bool { return s.outcome == Home || s.outcome == Elsewhere }
		one := anything()
		switch {
		case good(x) && good(y) && x.to-x.from >= y.to-y.from:
			one = bounds{y.to - x.to, y.from - x.from}
		case good(x) && good(y):
			one = bounds{y.from - x.from, y.to - x.to}
		case good(y):
			one.Hi = y.from - x.from
		case good(x):
			one.Lo = y.from - x.from
		default:
			continue
		}
		e.Count++
		e.bounds = e.and(one)
	}
	return e
}

// samePushes uses configurations that the control plane brought to both.
func samePushes(a, b *survey) Evidence {
	e := Evidence{Kind: "pushes adopted by both", Assumes: "a push reaches one at most " + short(pushDelay) + " after the other", bounds: anything()}
	for digest, x := range a.shared.adopts {
		y := b.shared.adopts[digest]
		if len(x) != 1 || len(y) != 1 {
			continue // pushed more than once: which is which?
		}
		e.Count++
		e.bounds = e.and(bounds{y[0] - x[0] - pushDelay, y[0] - x[0] + pushDelay})
	}
	return e
}

// sameEdges uses endpoints that began or ceased to fail before the eyes of both.
func sameEdges(a, b *survey) Evidence {
	e := Evidence{Kind: "endpoints that broke or mended before both", Assumes: "each did so for both at one moment", bounds: anything()}
	for _, x := range a.shared.edges {
		y := nearest(b.shared.edges, x)
		if y == nil || nearest(a.shared.edges, *y) == nil || *nearest(a.shared.edges, *y) != x {
			continue
		}
		e.Count++
		e.bounds = e.and(bounds{y.lo - x.hi, y.hi - x.lo})
	}
	return e
}

// nearest finds the edge of the same sort that is nearest in time, if it is near.
func nearest(list []edge, x edge) (found *edge) {
	for i := range list {
		y := &list[i]
		if y.endpoint != x.endpoint || y.mended != x.mended || distance(y, &x) > quiet {
			continue
		}
		if found == nil || cmp.Compare(distance(y, &x), distance(found, &x)) < 0 {
			found = y
		}
	}
	return found
}

func distance(a, b *edge) int64 { return max(a.hi-b.hi, b.hi-a.hi) }

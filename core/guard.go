package core

import (
	"math/bits"
	"slices"
	"strconv"
)

// Push guards (R13): how far a push may be from the configuration in force
// before it must be marked deliberate. Both configurations are in the recording
// and Compare is pure, so a replay measures for itself.

// GuardSpec bounds what one push from a control plane may change. Each is in
// percent of what is in force, 1..99; 0 means that there is no such guard.
type GuardSpec struct {
	KeysRerouted     uint32 // of the keys, those whose candidates change
	KeysRemoved      uint32 // of the keys, those that are gone
	EndpointsRemoved uint32 // of the endpoints, by placement and URL, those that are gone
	LimitLowered     uint32 // of the sum of all limits, what placements lose of theirs
}

// On reports whether there is a guard.
func (g GuardSpec) On() bool { return g != GuardSpec{} }

// tagGuards begins the guards in the digest of a configuration that has some.
const tagGuards uint64 = 50

func (f *fold) guards(g GuardSpec) {
	if g.On() {
		f.word(tagGuards)
		f.word(uint64(g.KeysRerouted)<<32 | uint64(g.KeysRemoved))
		f.word(uint64(g.EndpointsRemoved)<<32 | uint64(g.LimitLowered))
	}
}

// guards checks the guards of the Spec and takes them over.
func (c *compiler) guards() {
	g := c.spec.Guards
	c.config.guards = g
	for i, percent := range [...]uint32{g.KeysRerouted, g.KeysRemoved, g.EndpointsRemoved, g.LimitLowered} {
		if percent > 99 {
			name := (CauseKeysRerouted + Cause(i)).String()
			c.fail("control_plane.refuse_push_over."+name, strconv.Itoa(int(percent))+" % guards nothing", "use 1 % to 99 %, or none for no such guard")
		}
	}
}

// Guards returns what pushes are held against while this configuration is in force.
func (c *Config) Guards() GuardSpec { return c.guards }

// Change is how far a configuration is from the one in force. Only Compare makes one.
type Change struct {
	from, to *Config
	amounts  [guardCount]amount
}

const guardCount = 4 // in the order of GuardSpec and of the causes

// amount is a part of a whole. Of keys both are in millionths of a key, since
// a split may send a part of one elsewhere.
type amount struct{ part, whole uint64 }

// Compare measures how far c is from the configuration in force. It takes time
// in proportion to their keys and endpoints; whoever offers a push calls it
// before the router's lock, and puts the result into the Adopt.
func Compare(inForce, c *Config) *Change {
	ch := &Change{from: inForce, to: c}
	same := matching(inForce, c)
	for i := range inForce.tables {
		t := &inForce.tables[i]
		n := slices.IndexFunc(c.tables, func(u keyTable) bool { return u.name == t.name })
		var there keyTable
		if n >= 0 {
			there = c.tables[n]
		}
		ch.keys(t, &there, same)
	}
	ch.endpoints()
	ch.limits()
	return ch
}

// matching returns for each placement in force its index in c, or -1 if it
// is not there or its candidates are others.
func matching(old, c *Config) []int32 {
	same := make([]int32, len(old.placements))
	for i := range old.placements {
		p := &old.placements[i]
		n, ok := searchPlacements(c.placements, p.name)
		if same[i] = -1; ok && slices.EqualFunc(p.candidates, c.placements[n].candidates, func(a, b int32) bool {
			return old.placements[a].name == c.placements[b].name
		}) {
			same[i] = n
		}
	}
	return same
}

// keys counts one table: a merge of two sorted lists.
func (ch *Change) keys(t, there *keyTable, same []int32) {
	rerouted, removed, k := uint64(0), uint64(0), 0
	for i, key := range t.keys {
		for k < len(there.keys) && there.keys[k] < key {
			k++
		}
		if k == len(there.keys) || there.keys[k] != key {
			removed++
			continue
		}
		was, is := t.placements[i], there.placements[k]
		k++
		switch {
		case was < 0 || is < 0:
			rerouted += ch.moved(was, is, same)
		case same[was] != is:
			rerouted += million
		}
	}
	whole := uint64(len(t.keys)) * million
	ch.amounts[0].part += rerouted
	ch.amounts[1].part += removed * million
	ch.amounts[0].whole += whole
	ch.amounts[1].whole += whole
}

// moved returns how many millionths of a key go elsewhere, of which one home or
// both are splits: where their running sums name other placements.
func (ch *Change) moved(was, is int32, same []int32) (n uint64) {
	var oneA, oneB [1]part
	a, b := ch.from.parts(was, &oneA), ch.to.parts(is, &oneB)
	for at, i, k := uint32(0), 0, 0; i < len(a) && k < len(b); {
		end := min(a[i].end, b[k].end)
		if same[a[i].placement] != b[k].placement {
			n += uint64(end - at)
		}
		at = end
		if a[i].end == end {
			i++
		}
		if b[k].end == end {
			k++
		}
	}
	return n
}

// parts returns a home as a split; that of a placement is put into one.
func (c *Config) parts(home int32, one *[1]part) split {
	if home < 0 {
		return c.splits[^home]
	}
	one[0] = part{placement: home, end: million}
	return one[:]
}

// endpoints counts those that are gone.
func (ch *Change) endpoints() {
	ids := make([]uint64, len(ch.to.endpoints))
	for i := range ids {
		ids[i] = ch.to.endpoints[i].id
	}
	slices.Sort(ids)
	a := &ch.amounts[2]
	a.whole = uint64(len(ch.from.endpoints))
	for i := range ch.from.endpoints {
		if _, ok := slices.BinarySearch(ids, ch.from.endpoints[i].id); !ok {
			a.part++
		}
	}
}

// limits adds up what placements lose of their limits. What another gains
// makes up for nothing: it serves other keys.
func (ch *Change) limits() {
	a := &ch.amounts[3]
	for i := range ch.from.placements {
		p := &ch.from.placements[i]
		was := p.limit.most()
		if was == 0 {
			continue
		}
		a.whole += was
		n, ok := searchPlacements(ch.to.placements, p.name)
		if !ok {
			a.part += was
		} else if is := ch.to.placements[n].limit.most(); is != 0 && is < was {
			a.part += was - is
		}
	}
}

// most returns the most requests that a limit ever lets in, 0 for no limit.
func (l *LimitSpec) most() uint64 {
	if a := l.Adaptive.Max; l.Adaptive.On() && (l.InFlight == 0 || a < l.InFlight) {
		return uint64(a)
	}
	return uint64(l.InFlight)
}

// Beyond returns the first guard that the change goes beyond, CauseNone for
// none, and how much changes, in parts per million of what is in force, rounded up.
func (ch *Change) Beyond(g GuardSpec) (guard Cause, ppm uint32) {
	for i, percent := range [guardCount]uint32{g.KeysRerouted, g.KeysRemoved, g.EndpointsRemoved, g.LimitLowered} {
		if a := ch.amounts[i]; percent != 0 && a.part*100 > a.whole*uint64(percent) {
			hi, lo := bits.Mul64(a.part, million)
			lo, carry := bits.Add64(lo, a.whole-1, 0)
			share, _ := bits.Div64(hi+carry, lo, a.whole) // part <= whole: the quotient fits
			return CauseKeysRerouted + Cause(i), uint32(share)
		}
	}
	return CauseNone, 0
}

// guarded returns the guard that refuses a push, CauseNone for none. The guards
// in force count, so that a bad push cannot lift them.
func (r *Router) guarded(ev *Event) (guard Cause, ppm uint32) {
	if r.config == nil || ev.Origin != OriginControl || ev.Deliberate || !r.config.guards.On() {
		return CauseNone, 0
	}
	ch := ev.Change
	if ch == nil || ch.from != r.config || ch.to != ev.Config {
		ch = Compare(r.config, ev.Config)
	}
	return ch.Beyond(r.config.guards)
}

// GuardText says how far a push that a guard refused went: 12.5% of the keys
// would be gone. "" where the cause is no guard's.
func (d *Decision) GuardText() string {
	what := ""
	switch d.Cause {
	case CauseKeysRerouted:
		what = "of the keys would be served elsewhere"
	case CauseKeysRemoved:
		what = "of the keys would be gone"
	case CauseEndpointsRemoved:
		what = "of the endpoints would be gone"
	case CauseLimitLowered:
		what = "of the limits in all would be taken away"
	default:
		return ""
	}
	return Percent(d.Count) + " " + what
}

package configdiff

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Gate is a limit that a change must keep within, for continuous integration.
type Gate struct {
	Name string
	// Most is the largest share that passes, in parts per million; only for gates that measure one.
	Most uint32
}

// GateResult is what a gate says of a change.
type GateResult struct {
	Gate   string `json:"gate"` // as it was written
	Passed bool   `json:"passed"`
	Text   string `json:"text"`
}

// knownGate is what a gate measures, or for a gate without a share whether it is tripped.
type knownGate struct {
	name, says string
	measure    func(r *Report) (part, whole uint64) // nil: tripped counts
	tripped    func(r *Report) bool
}

var gates = []knownGate{
	{"rerouted", "of the keys get other candidates", (*Report).rerouted, nil},
	{"home-moved", "of the keys get another home", (*Report).homeMoved, nil},
	{"removed", "of the keys are gone", (*Report).removed, nil},
	{"guards", "routers refuse the push unless it is marked deliberate", nil, func(r *Report) bool { return r.Guards.Refused }},
	{"capacity", "some placement, or its load with it down, has less room than it needs and had", nil, func(r *Report) bool {
		return slices.ContainsFunc(r.Capacity.Placements, func(c CapacityChange) bool { return c.Worse })
	}},
	{"must", "a promise is no longer made, or says something else", nil, func(r *Report) bool {
		return slices.ContainsFunc(r.Must, func(p PromiseChange) bool { return p.Old != NotThere && (p.New == NotThere || p.Reworded) })
	}},
	{"decisions", "something that decides differs", nil, func(r *Report) bool { return r.Effect == EffectRoutes || r.Effect == EffectSettings }},
}

// GateNames says how gates are written, for help texts.
func GateNames() string {
	var out []string
	for _, g := range gates {
		if g.measure != nil {
			out = append(out, g.name+":SHARE")
			continue
		}
		out = append(out, g.name)
	}
	return strings.Join(out, ", ")
}

// ParseGate reads a gate as it is written: rerouted:5%, capacity.
func ParseGate(text string) (Gate, error) {
	name, value, measured := strings.Cut(text, ":")
	for _, g := range gates {
		if g.name != name {
			continue
		}
		if measured != (g.measure != nil) {
			break
		}
		if !measured {
			return Gate{Name: name}, nil
		}
		most, err := ParseShare(value)
		return Gate{name, most}, err
	}
	return Gate{}, fmt.Errorf("%q is not a limit; write one of %s, where SHARE is the most that passes, such as 5%%", text, GateNames())
}

// ParseShare reads a share such as 5% or 0.25%, in parts per million.
func ParseShare(text string) (uint32, error) {
	digits, ok := strings.CutSuffix(text, "%")
	p, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(p >= 0 && p <= 100) {
		return 0, fmt.Errorf("%q is not a share; write it with its unit, from 0%% to 100%%: 5%%, 0.25%%", text)
	}
	return uint32(p*10_000 + 0.5), nil
}

func (r *Report) judgeGates(list []Gate) {
	for _, g := range list {
		i := slices.IndexFunc(gates, func(known knownGate) bool { return known.name == g.Name })
		if i < 0 {
			continue // ParseGate makes no other
		}
		out := GateResult{Gate: g.Name}
		if known := &gates[i]; known.measure != nil {
			part, whole := known.measure(r)
			out.Gate += ":" + shareText(g.Most)
			out.Passed = !over(part, whole, g.Most)
			out.Text = fmt.Sprintf("%s %s", exactShare(part, whole), known.says)
		} else {
			out.Passed, out.Text = !known.tripped(r), known.says
		}
		if !out.Passed {
			r.find(Broken, "gate", fmt.Sprintf("--fail-on %s: %s", out.Gate, out.Text), "", nil)
		}
		r.Gates = append(r.Gates, out)
	}
}

// over reports whether a part is more than so many parts per million of the whole.
func over(part, whole uint64, ppm uint32) bool {
	partHi, partLo := bits.Mul64(part, million)
	wholeHi, wholeLo := bits.Mul64(whole, uint64(ppm))
	return partHi > wholeHi || partHi == wholeHi && partLo > wholeLo
}

// measure sums up over all tables, beside the keys of the old side.
func (r *Report) measure(part func(k *KeyChanges) uint64) (sum, whole uint64) {
	for i := range r.Tables {
		sum += part(&r.Tables[i])
	}
	for i := range r.Routes {
		if k := r.Routes[i].Keys; k != nil { // the keys of a table that a route asks no more
			sum += part(k)
		}
	}
	return sum, uint64(r.Old.Keys)
}

// rerouted is in millionths of a key, as push guards measure it.
func (r *Report) rerouted() (uint64, uint64) {
	moved, whole := r.measure(func(k *KeyChanges) uint64 { return k.Moved })
	return min(moved, whole*million), whole * million
}

func (r *Report) homeMoved() (uint64, uint64) {
	keys, whole := r.measure(func(k *KeyChanges) uint64 { return uint64(k.HomeMoved) })
	return min(keys, whole), whole
}

// removed counts as push guards do: by the name of the table.
func (r *Report) removed() (uint64, uint64) {
	n := 0
	for i := range r.Tables {
		n += r.Tables[i].Removed
	}
	return uint64(n), uint64(r.Old.Keys)
}

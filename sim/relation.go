package sim

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/core/loop"
)

// Relation is a change of a plan that must not matter: with it, every decision
// is the same, up to a renaming. README.md says of each what stays equal.
type Relation uint8

// Relations.
const (
	NoRelation Relation = iota
	RenamedKeys
	RenamedPlacements
	PermutedLists
	SplitPlacement
	UnusedPlacement
	WithoutFault
	relations
)

// Relations is the number of relations, NoRelation included.
const Relations = int(relations)

// String returns the name of the property.
func (r Relation) String() string {
	names := [relations]string{"none", "renamed-keys", "renamed-placements", "permuted-lists", "split-placement", "unused-placement", "R15"}
	if r >= relations {
		return "none"
	}
	return names[r]
}

// pair is two plans that must be decided alike.
type pair struct {
	one, other Plan
	// original maps a placement's name in other to the one it has in plan one;
	// "" for a placement that one does not have.
	original func(name string) string
	exact    bool   // numbers, handles and the order within one instant are the same too
	untold   string // requests at home here may be told another failover reason
}

// CheckRelation holds a relation against a plan: it runs two versions of the
// plan and returns the first decision that differs. pick chooses what is
// changed where there is a choice. ok is false when the relation says nothing
// of this plan.
func CheckRelation(p Plan, which Relation, pick uint64, o Options) (found []Violation, ok bool) {
	p.WallClock = false // whose decisions depend on who was last heard
	var both *pair
	switch which {
	case RenamedKeys:
		both = renameKeys(&p)
	case RenamedPlacements:
		both = renamePlacements(&p)
	case PermutedLists:
		both = permuteLists(&p)
	case SplitPlacement:
		both = splitPlacement(&p, pick)
	case UnusedPlacement:
		both = addPlacement(&p)
	case WithoutFault:
		return checkIsolation(p, pick, o)
	}
	if both == nil {
		return nil, false
	}
	same := func(name string) string { return name }
	one, err := both.decisions(both.one, o, same)
	if err != nil {
		return nil, false
	}
	other, err := both.decisions(both.other, o, both.original)
	if err != nil {
		return nil, false
	}
	at, first, differ := firstDifference(one, other)
	if !differ {
		return nil, true
	}
	return []Violation{{
		Property: which.String(), At: first.at, Router: first.router, Placement: first.placement,
		Detail: fmt.Sprintf("decision %d is another one with %s (request %016x)", at, which.words(), first.request),
	}}, true
}

// words says what was changed.
func (r Relation) words() string {
	switch r {
	case RenamedKeys:
		return "other names for the keys"
	case RenamedPlacements:
		return "other names for the placements"
	case PermutedLists:
		return "the configuration's lists in another order"
	case SplitPlacement:
		return "a placement split in two halves"
	}
	return "one more placement, which nothing uses"
}

// decisions runs a plan and returns what was decided, by router and in order,
// in the names of plan one.
func (b *pair) decisions(p Plan, o Options, original func(string) string) ([]fact, error) {
	var facts []fact
	o.Check = false
	o.Observe = func(router int, r *core.Router) loop.Observer {
		return witness(func(ev *core.Event, d *core.Decision) {
			name, url := r.Placement(d.Placement).Name, r.Endpoint(d.Endpoint).URL
			if d.Kind == core.CloseIdle || d.Kind == core.NoteRetired {
				name, url = "", "" // another may have its number by now
			}
			if name != "" {
				if name = original(name); name == "" {
					return
				}
			}
			if d.At >= core.Time(p.Length) {
				return // how long a run goes on past its Length depends on what is in flight
			}
			f, plain := fact{at: d.At, router: router, placement: name}, *d
			if ev.Kind == core.Arrive && (d.Kind == core.Forward || d.Kind == core.Reject) {
				f.request = ev.Request
				if c := r.Config(); b.untold != "" && ev.Route.Placement >= 0 && original(c.Placement(int(ev.Route.Placement)).Name) == b.untold {
					plain.Failover = core.FailoverNone
				}
			}
			if b.untold != "" && ev.Kind != core.Arrive {
				plain.Failover = core.FailoverNone // of a retry: whose home is not known here
			}
			if !b.exact {
				plain.Handle, plain.Token, plain.Placement, plain.Endpoint = core.Handle{}, 0, 0, 0
			}
			f.what = fold(foldDecision(f.request, &plain), hashString(name+" "+url))
			facts = append(facts, f)
		})
	}
	r := Run(p, o)
	slices.SortStableFunc(facts, func(x, y fact) int {
		c := cmp.Compare(x.router, y.router)
		if b.exact || c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.what, y.what))
	})
	return facts, r.Err
}

// respec changes every configuration of the plan that is valid: its own and
// those that are pushed undamaged. It reports whether all are valid afterwards.
func (p *Plan) respec(change func(s *core.Spec)) bool {
	valid := true
	anew := func(s *core.Spec) core.Spec {
		if _, err := core.Compile(*s); err != nil {
			return *s
		}
		c := cloneSpec(s)
		change(&c)
		_, err := core.Compile(c)
		valid = valid && err == nil
		return c
	}
	p.Spec = anew(&p.Spec)
	p.Pushes = slices.Clone(p.Pushes)
	for i := range p.Pushes {
		if s := p.Pushes[i].Spec; s != nil && !p.Pushes[i].Garbage {
			changed := anew(s)
			p.Pushes[i].Spec = &changed
		}
	}
	return valid
}

// specs lists every configuration of the plan that comes undamaged.
func (p *Plan) specs() []*core.Spec {
	all := []*core.Spec{&p.Spec}
	for i := range p.Pushes {
		if s := p.Pushes[i].Spec; s != nil && !p.Pushes[i].Garbage {
			all = append(all, s)
		}
	}
	return all
}

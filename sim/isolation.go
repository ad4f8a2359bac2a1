package sim

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/core/loop"
)

// components returns the placements of configurations by connected component
// of their fallback graph (R15), sorted. Placements that share a server are
// connected too: what one does to it, the other feels. What does not compile
// connects nothing.
func components(specs []*core.Spec) [][]string {
	d := newDirectory(specs)
	root := make([]int, len(d.placements))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	join := func(a, b int) {
		a, b = find(a), find(b)
		root[max(a, b)] = min(a, b)
	}
	for _, s := range specs {
		c, err := core.Compile(*s)
		if err != nil {
			continue
		}
		for i := range c.Placements() {
			p := c.Placement(i)
			for _, f := range p.Candidates {
				join(int(d.placement(p.Name)), int(d.placement(c.Placement(int(f)).Name)))
			}
		}
	}
	owner := map[int32]int{}
	for e, id := range d.endpoints {
		if first, shared := owner[d.servers[e]]; shared {
			join(first, id.Placement)
		} else {
			owner[d.servers[e]] = id.Placement
		}
	}
	var parts [][]string
	at := map[int]int{}
	for i, name := range d.placements {
		n, known := at[find(i)]
		if !known {
			n = len(parts)
			at[find(i)] = n
			parts = append(parts, nil)
		}
		parts[n] = append(parts[n], name)
	}
	return parts
}

// checkIsolation holds R15 against one fault of a plan: the plan runs with the
// fault and without it, and every decision about placements that are not
// connected with the fault's must be the same, but for handles.
func checkIsolation(p Plan, pick uint64, o Options) (violations []Violation, ok bool) {
	faults := isolable(&p)
	if len(faults) == 0 {
		return nil, false
	}
	fault := faults[pick%uint64(len(faults))]
	parts := components(p.specs())
	i := slices.IndexFunc(parts, func(part []string) bool { return slices.Contains(part, p.Faults[fault].Placement) })
	if i < 0 {
		return nil, false
	}
	with, err := elsewhere(p, o, parts[i])
	if err != nil {
		return nil, false
	}
	p.Faults = slices.Delete(slices.Clone(p.Faults), fault, fault+1)
	without, err := elsewhere(p, Options{Tamper: o.Tamper}, parts[i])
	if err != nil {
		return nil, false
	}
	at, found, differ := firstDifference(with, without)
	if !differ {
		return nil, true
	}
	return []Violation{{
		Property: "R15", At: found.at, Router: found.router, Placement: found.placement, Key: "placements." + found.placement + ".fallback",
		Detail: fmt.Sprintf("decision %d about placements that are not connected with fault %d differs from the run without it (request %016x)", at, fault, found.request),
	}}, true
}

// isolable takes out of a plan what connects placements beside the fallback
// graph, and lists the faults of one placement's servers or links. A user carries
// trouble from one placement to the next by what it sends later, and so does a
// budget of retries; a drain cuts in the order of slots, which is a matter of handles.
func isolable(p *Plan) (faults []int) {
	p.Clients = slices.Clone(p.Clients)
	for i := range p.Clients {
		c := &p.Clients[i]
		if c.Users > 0 {
			c.Rate, c.Per, c.Users = c.Users, 0, 0
		}
		c.Retry.Budget, c.Retry.Floor = 0, 0
	}
	p.Faults = slices.DeleteFunc(slices.Clone(p.Faults), func(f Fault) bool { return f.Kind == Drain || f.Kind == Upgrade })
	for i := range p.Faults {
		if f := &p.Faults[i]; f.Placement != "" && f.Kind < Crash {
			faults = append(faults, i)
		}
	}
	return faults
}

// fact is one decision about a placement that should be isolated.
type fact struct {
	at        core.Time
	router    int
	what      uint64 // hash of all that the decision says, handles aside
	request   uint64 // 0 for a note
	placement string
}

// elsewhere runs a plan and returns what was decided about the placements that
// are not touched, by router and in order.
func elsewhere(p Plan, o Options, touched []string) ([]fact, error) {
	var facts []fact
	o.Observe = func(router int, r *core.Router) loop.Observer {
		return witness(func(ev *core.Event, d *core.Decision) {
			name, request := r.Placement(d.Placement).Name, uint64(0)
			if ev.Kind == core.Arrive && (d.Kind == core.Forward || d.Kind == core.Reject) {
				request = ev.Request
				if c := r.Config(); c != nil && ev.Route.Placement >= 0 {
					name = c.Placement(int(ev.Route.Placement)).Name
				}
			}
			if name == "" || d.At >= core.Time(p.Length) || slices.Contains(touched, name) {
				return // how long a run goes on past its Length depends on what is in flight
			}
			plain := *d
			plain.Handle, plain.Token, plain.Placement, plain.Endpoint = core.Handle{}, 0, 0, 0
			what := fold(foldDecision(request, &plain), hashString(r.Placement(d.Placement).Name+" "+r.Endpoint(d.Endpoint).URL))
			facts = append(facts, fact{d.At, router, what, request, name})
		})
	}
	r := Run(p, o)
	slices.SortStableFunc(facts, func(a, b fact) int { return cmp.Compare(a.router, b.router) })
	return facts, r.Err
}

// witness makes an observer of a function of every decision.
type witness func(ev *core.Event, d *core.Decision)

// Observe calls the function for each decision of the step.
func (f witness) Observe(_ core.Time, ev *core.Event, _ *loop.Request, decisions []core.Decision) {
	for i := range decisions {
		f(ev, &decisions[i])
	}
}

// firstDifference finds the first decision that one run has and the other has
// not; differ is false when there is none.
func firstDifference(one, other []fact) (at int, found fact, differ bool) {
	for at < min(len(one), len(other)) && one[at] == other[at] {
		at++
	}
	switch {
	case at < len(one):
		return at, one[at], true
	case at < len(other):
		return at, other[at], true
	}
	return 0, fact{}, false
}

package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// N-1: with one placement down, no other fault, and the load that the facts
// state, no request is refused after two breaker periods, or else what the
// operator promises of such a loss is true. It is tried for every
// placement, not searched for. One router stands for the fleet, with its share
// of the peak.

// settled is when, in an N-1 run, the placement goes down for good.
const settled = core.Time(10 * core.Second)

// NMinus is what the loss of one placement showed.
type NMinus struct {
	Down    string
	Skipped string // why it was not tried, "" when it was
	Outcome
}

// TryNMinusOne takes down each placement in turn, then what else the promises
// name: pairs of placements, an endpoint of each. Without stated loads there is
// nothing to judge, and the list is empty.
func TryNMinusOne(t *Target) (tried []NMinus) {
	promised := t.losses()
	accepted := func(p Promise) bool { return slices.Contains(t.Accept, p.Name) }
	if len(promised) == 0 {
		promised = []Promise{{Name: NMinusOne}}
	}
	promised = slices.DeleteFunc(append(promised, t.calm()...), accepted)
	if len(t.Facts.Peak) == 0 || len(promised) == 0 {
		return nil
	}
	literal := slices.ContainsFunc(promised, func(p Promise) bool { return p.Lose.Count > 0 })
	for _, p := range compiled(&t.Spec) {
		n := NMinus{Down: p.Name}
		if len(p.Candidates) == 1 && !literal {
			// Written as fallback: none, so its own keys fail closed by choice, and nobody else's move.
			n.Skipped = "it has no fallback: its own requests fail closed"
		} else {
			n.Outcome = t.lose(&p)
		}
		tried = append(tried, n)
	}
	return append(tried, t.loseMore(promised)...)
}

func (t *Target) lose(down *core.PlacementInfo) Outcome {
	return t.loseAll(&Loss{down: *down})
}

// loseAll tries what one loss breaks.
func (t *Target) loseAll(l *Loss) Outcome {
	down, c := &l.down, t.lossCase(l)
	r := t.run(&c)
	out := outcomeOf(&r)
	if r.Err != nil {
		return out
	}
	if out.Finding = t.judge(&c, &r); out.Finding == nil {
		out.Finding = t.judgeLoss(&c, &r, down)
	} else {
		t.tell(out.Finding)
	}
	return out
}

// settling is how long after the loss requests may still be refused.
func settling(down *core.PlacementInfo) core.Duration { return 2 * openCap(&down.Breaker) }

func (t *Target) nMinusCase(down *core.PlacementInfo) Case {
	p := sim.Plan{
		Name: t.Name + " without " + down.Name, Spec: t.Spec,
		Length: core.Duration(settled) + max(settling(down), t.within()) + max(20*core.Second, down.Breaker.Open),
		Faults: []sim.Fault{{Kind: sim.Refuse, At: settled, Placement: down.Name}},
	}
	p.Window = max(p.Length/1000, 100*core.Millisecond)
	longest := 10 * core.Millisecond
	for _, l := range t.Facts.Peak {
		longest = max(longest, l.Latency)
	}
	// A placement without a stated latency is taken to be as slow as the slowest.
	p.Backend.Service.Typical = longest
	for _, s := range t.Spec.Placements {
		l, stated := t.Facts.Peak[s.Name]
		if !stated || l.PerSecond <= 0 {
			continue
		}
		p.Clients = append(p.Clients, t.client(s.Name, l))
		if l.Latency > 0 {
			b := sim.Backend{Service: sim.Service{Typical: l.Latency}}
			p.Backends = append(p.Backends, sim.BackendOverride{Placement: s.Name, Backend: b})
		}
	}
	return Case{Plan: p}
}

// share is one router's part of a load, rounded up.
func (t *Target) share(perSecond int64) uint32 {
	n := int64(max(t.Facts.Routers, 1))
	return uint32((perSecond + n - 1) / n)
}

// client sends the load of the keys of one placement.
func (t *Target) client(home string, l Load) sim.Client {
	c := sim.Client{Name: home, Rate: t.share(l.PerSecond)}
	for i := range t.Spec.Keys {
		if t.Spec.Keys[i].Placement == home {
			c.Keys = append(c.Keys, t.Spec.Keys[i].Key)
		}
	}
	if len(c.Keys) == 0 {
		c.Unknown = million // only a default placement can have a load without keys
	}
	return c
}

// judgeNMinus looks for requests that were refused once the loss had settled,
// or even before it, when nothing was down.
func (t *Target) judgeNMinus(c *Case, r *sim.Result, down *core.PlacementInfo) *Finding {
	from := settled.Add(settling(down))
	for i := range r.Windows {
		w := &r.Windows[i]
		before := w.From < settled
		if w.Refused == 0 || !before && w.From < from {
			continue
		}
		f := &Finding{Property: NMinusOne, At: w.From, Case: *c, Result: *r}
		if before {
			t.blameItself(f, w)
			f.Story = t.tellItself(f)
			return f
		}
		t.blame(f, r, w.From, down)
		f.Story = t.tellNMinus(f, down)
		return f
	}
	return nil
}

// blameItself names the placement that refuses its own requests with nothing down.
func (t *Target) blameItself(f *Finding, w *sim.Window) {
	for _, p := range compiled(&t.Spec) {
		n := slices.Index(f.Result.Placements, p.Name)
		if w.Placements[n].Refused > 0 && t.tooSmall(f, &p, &w.Placements[n]) {
			f.Sentence = p.Name + " is too small for its own peak, with nothing down"
			return
		}
	}
	f.Sentence = "requests are refused at the stated peak, with nothing down"
}

func (t *Target) assumed() string {
	load := "peak load as in facts"
	if n := t.Facts.Routers; n > 1 {
		load += fmt.Sprintf(", one of %d routers and its share of it", n)
	} else {
		load += ", one router"
	}
	return load + "; one placement down, no other fault; a guest takes as long as those at home"
}

// blame names the placement that has no room, and the key that says so: a home
// that is too full for its own requests first, else a fallback of what is down.
func (t *Target) blame(f *Finding, r *sim.Result, from core.Time, down *core.PlacementInfo) {
	w := since(r, from)
	all := compiled(&t.Spec)
	for i := range all {
		n := slices.Index(f.Result.Placements, all[i].Name)
		if all[i].Name != down.Name && w.Placements[n].Refused > 0 && t.tooSmall(f, &all[i], &w.Placements[n]) {
			f.Sentence = fmt.Sprintf("%s's own requests are refused because %s failed", all[i].Name, down.Name)
			if all[i].Limit.Guests == 0 {
				f.Value += "; guests is not set"
			}
			return
		}
	}
	for _, c := range down.Candidates[1:] {
		n := slices.Index(f.Result.Placements, all[c].Name)
		if t.tooSmall(f, &all[c], &w.Placements[n]) {
			f.Sentence = fmt.Sprintf("%s is too small for the load of %s, which it must take", all[c].Name, down.Name)
			return
		}
	}
	f.Where, f.Key = down.Name, "placements."+down.Name+".fallback"
	f.Sentence = "requests are refused because " + down.Name + " failed, although it has a fallback"
	if len(down.Candidates) == 1 {
		f.Sentence, f.Value = down.Name+"'s own requests are refused when it fails", "it has none"
	}
}

// since is how full each placement became from a time to the end, and whom it
// refused. In one short window a full placement may admit nobody, and show no peak.
func since(r *sim.Result, from core.Time) (sum sim.Window) {
	sum.Placements = make([]sim.PlacementCounts, len(r.Placements))
	for i := range r.Windows {
		if r.Windows[i].From < from {
			continue
		}
		for n := range sum.Placements {
			p, w := &sum.Placements[n], &r.Windows[i].Placements[n]
			p.Arrivals, p.Refused = p.Arrivals+w.Arrivals, p.Refused+w.Refused
			p.HomeRefusedByGuests += w.HomeRefusedByGuests
			p.PeakInFlight, p.PeakGuests = max(p.PeakInFlight, w.PeakInFlight), max(p.PeakGuests, w.PeakGuests)
		}
	}
	return sum
}

// tooSmall blames p if it was full, or full of guests.
func (t *Target) tooSmall(f *Finding, p *core.PlacementInfo, counts *sim.PlacementCounts) bool {
	switch {
	case p.Limit.InFlight > 0 && counts.PeakInFlight >= int(p.Limit.InFlight):
		f.Key, f.Value = ".limit.in_flight", fmt.Sprintf("room for %d in flight", p.Limit.InFlight)
	case p.Limit.Guests != 0 && counts.PeakGuests >= int(max(p.Limit.Guests, 0)):
		f.Key, f.Value = ".limit.guests", fmt.Sprintf("room for %d guests", max(p.Limit.Guests, 0))
	default:
		return false
	}
	f.Where, f.Key = p.Name, "placements."+p.Name+f.Key
	return true
}

func find(s *core.Spec, name string) (core.PlacementInfo, bool) {
	for _, p := range compiled(s) {
		if p.Name == name {
			return p, true
		}
	}
	return core.PlacementInfo{}, false
}

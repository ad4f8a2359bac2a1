package fuzz

import (
	"cmp"
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
	Skipped string // why it is not tried, "" when it is
	Outcome

	loss *Loss // nil when it is skipped
}

// TryNMinusOne tries every loss.
func TryNMinusOne(t *Target) []NMinus {
	list := Losses(t)
	for i := range list {
		list[i].Try(t)
	}
	return list
}

// Try runs the loss, unless it is skipped.
func (n *NMinus) Try(t *Target) {
	if n.loss != nil {
		n.Outcome = t.loseAll(n.loss)
	}
}

// Losses lists what is to be taken down: each placement in turn, then what else
// the promises name, which is pairs of placements and an endpoint of each. Nothing
// is tried yet. Without stated loads there is nothing to judge, and the list is empty.
func Losses(t *Target) (list []NMinus) {
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
			n.loss = &Loss{down: p}
		}
		list = append(list, n)
	}
	return append(list, t.loseMore(promised)...)
}

// loseOnce is one run of a loss, judged.
func (t *Target) loseOnce(l *Loss) Outcome {
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
		out.Finding.WhatIf = "without " + down.Name
	}
	return out
}

// longestSettling bounds settling: a run of two days of peak load shows no more.
const longestSettling = 600 * core.Second

// settling is how long after the loss requests may still be refused: two periods
// of its breakers.
func settling(down *core.PlacementInfo) core.Duration {
	return min(2*openCap(&down.Breaker), longestSettling)
}

func (t *Target) nMinusCase(down *core.PlacementInfo) Case {
	p := sim.Plan{
		Name: t.Name + " without " + down.Name, Spec: t.warm(),
		Length: core.Duration(settled) + max(settling(down), t.within()) + max(20*core.Second, min(down.Breaker.Open, longestSettling)),
		Faults: []sim.Fault{{Kind: sim.Refuse, At: settled, Placement: down.Name}},
	}
	p.Window = windowOf(p.Length)
	t.send(&p, t.Facts.Peak, nil)
	return Case{Plan: p}
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
			t.blamePeak(f, w)
			f.Story = t.tellPeak(f)
			return f
		}
		t.blame(f, r, w.From, down)
		f.Story = t.tellNMinus(f, down)
		return f
	}
	return nil
}

func (t *Target) assumed() string {
	return t.Traffic() + "; one placement down, " + nothingElse + "; a guest takes as long as those at home"
}

// blame names the placement that has no room, and the key that says so: a home
// that is too full for its own requests first, else a fallback of what is down.
func (t *Target) blame(f *Finding, r *sim.Result, from core.Time, down *core.PlacementInfo) {
	f.event = "requests are still refused"
	w := since(r, from)
	all := compiled(&t.Spec)
	for i := range all {
		n := slices.Index(f.Result.Placements, all[i].Name)
		if all[i].Name != down.Name && w.Placements[n].Refused > 0 && t.full(f, &all[i], &w.Placements[n]) {
			f.Sentence = fmt.Sprintf("%s's own requests are refused because %s failed", all[i].Name, down.Name)
			f.event = "its own requests are still refused"
			if w.Placements[n].HomeRefusedByGuests > 0 {
				f.Key, f.Value = under(&all[i], ".limit.guests"), guestsNow(&all[i])
			}
			return
		}
	}
	if t.blameShared(f, down) {
		return
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

// guestsNow says how many of p's slots guests may take: those at home would fit, were it fewer.
func guestsNow(p *core.PlacementInfo) string {
	if p.Limit.Guests == 0 {
		return fmt.Sprintf("not set: guests may take all %d slots", p.Limit.InFlight)
	}
	return fmt.Sprintf("guests may take %d of %d slots", max(p.Limit.Guests, 0), p.Limit.InFlight)
}

// blameShared names a fallback that stands on the servers of what it must replace.
func (t *Target) blameShared(f *Finding, down *core.PlacementInfo) bool {
	urls := map[string]bool{}
	for _, e := range t.endpoints(down.Name) {
		urls[e.URL] = true
	}
	all := compiled(&t.Spec)
	for _, c := range down.Candidates[1:] {
		for _, e := range t.endpoints(all[c].Name) {
			if !urls[e.URL] {
				continue
			}
			f.Where, f.shared = all[c].Name, true
			f.Key, f.Value = under(&all[c], ".endpoints."+cmp.Or(e.Name, e.URL)+".url"), e.URL+", a server of "+down.Name
			f.Sentence = fmt.Sprintf("%s must take the requests of %s, and is lost with it: they share a server", all[c].Name, down.Name)
			return true
		}
	}
	return false
}

// endpoints are those of a placement.
func (t *Target) endpoints(p string) []core.EndpointSpec {
	for i := range t.Spec.Placements {
		if t.Spec.Placements[i].Name == p {
			return t.Spec.Placements[i].Endpoints
		}
	}
	return nil
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
	if t.full(f, p, counts) {
		return true
	}
	if p.Limit.Guests == 0 || counts.PeakGuests < int(max(p.Limit.Guests, 0)) {
		return false
	}
	f.Where, f.Key, f.Value = p.Name, under(p, ".limit.guests"), fmt.Sprintf("room for %d guests", max(p.Limit.Guests, 0))
	return true
}

// capsOf is how many requests the endpoints of a placement hold by their own
// limits, 0 when one of them has none.
func capsOf(s *core.Spec, name string) (held int) {
	for i := range s.Placements {
		if s.Placements[i].Name != name {
			continue
		}
		for _, e := range s.Placements[i].Endpoints {
			if e.Limit == 0 {
				return 0
			}
			held += int(e.Limit)
		}
	}
	return held
}

// full blames p if it was full.
func (t *Target) full(f *Finding, p *core.PlacementInfo, counts *sim.PlacementCounts) bool {
	if held := capsOf(&t.Spec, p.Name); held > 0 && counts.PeakInFlight >= held && (p.Limit.InFlight == 0 || held < int(p.Limit.InFlight)) {
		f.Where, f.Key, f.Value = p.Name, under(p, ".endpoints"), fmt.Sprintf("its endpoints hold %d in flight by their own limits", held)
		return true
	}
	if p.Limit.InFlight == 0 || counts.PeakInFlight < int(p.Limit.InFlight) {
		return false
	}
	f.Where, f.Key, f.Value = p.Name, under(p, ".limit.in_flight"), fmt.Sprintf("room for %d in flight", p.Limit.InFlight)
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

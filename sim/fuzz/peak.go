package fuzz

import (
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// stated-peak: at the peak that the facts state, with nothing down, nobody is
// refused and no answer comes too late.

// answered is the share of requests that must be answered with nothing down, in
// parts per million: what is promised, or all; and the name of that promise.
func (t *Target) answered() (name string, share uint32) {
	for _, p := range t.calm() {
		if p.Kind == Available && p.Region == "" {
			return p.Name, uint32(p.Share)
		}
	}
	return StatedPeak, million
}

// judgePeak finds whether the peak is too much, and the first window in which it is.
func (t *Target) judgePeak(r *sim.Result) *Finding {
	first := -1
	var bad, all uint64
	for i := range r.Windows {
		w := &r.Windows[i]
		n := w.Refused + w.ByClass[core.ResponseTimeout]
		if n > 0 && first < 0 {
			first = i
		}
		bad, all = bad+n, all+w.Arrivals
	}
	_, share := t.answered()
	if bad*million <= all*uint64(million-share) {
		return nil
	}
	w := &r.Windows[first]
	f := &Finding{At: w.From, Result: *r, Promised: percent(share) + " answered"}
	t.blamePeak(f, w)
	return f
}

// blamePeak names the placement that refuses or fails its own requests with
// nothing down, and why.
func (t *Target) blamePeak(f *Finding, w *sim.Window) {
	for _, p := range compiled(&t.Spec) {
		counts := &w.Placements[slices.Index(f.Result.Placements, p.Name)]
		switch {
		case counts.ByClass[core.ResponseTimeout] > 0:
			t.blameTimeout(f, &p)
			return
		case counts.Refused > 0 && t.full(f, &p, counts):
			f.Sentence, f.event = p.Name+" is too small for its own peak, with nothing down", "its first requests are refused"
			f.fixes = t.roomFor(&p)
			return
		}
	}
	f.Sentence = "requests are refused at the stated peak, with nothing down"
}

// roomFor gives p room for its own peak.
func (t *Target) roomFor(p *core.PlacementInfo) []fix {
	own := t.inFlight(t.Facts.Peak[p.Name])
	own += unevenness(own)
	if p.Limit.InFlight == 0 || int64(p.Limit.InFlight) >= own {
		return nil // its endpoints are what is small
	}
	return []fix{{
		key: under(p, ".limit.in_flight"), value: fmt.Sprintf("room for %d in flight", p.Limit.InFlight), text: fmt.Sprintf("%s limit.in_flight: %d", p.Name, own),
		price: fmt.Sprintf("its servers get up to %d at once from each router, before %d", own, p.Limit.InFlight),
		apply: setting(p.Name, func(s *core.PlacementSpec) { s.Limit.InFlight = int32(own) }),
	}}
}

// blameTimeout names the timeout that is shorter than the answers of p take.
func (t *Target) blameTimeout(f *Finding, p *core.PlacementInfo) {
	const times = 4
	latency := t.Facts.Peak[p.Name].Latency
	now := p.Timeouts.ResponseHeader
	k := knob{"timeouts.response_header", func(p *core.PlacementInfo) int64 { return int64(p.Timeouts.ResponseHeader) }, func(p *core.PlacementSpec, to int64) {
		p.Timeouts.ResponseHeader = core.Duration(to)
	}}
	if p.Timeouts.Request < now {
		now = p.Timeouts.Request
		k = knob{"timeouts.request", func(p *core.PlacementInfo) int64 { return int64(p.Timeouts.Request) }, func(p *core.PlacementSpec, to int64) {
			p.Timeouts.Request = core.Duration(to)
		}}
	}
	f.fixes = []fix{t.turnTime(p, k, times*latency, span(now), fmt.Sprintf("a hung request holds its slot for %s, before %s", span(times*latency), span(now)))}
	f.Where, f.Key, f.Value = p.Name, f.fixes[0].key, f.fixes[0].value
	f.Sentence, f.event = fmt.Sprintf("%s's answers take %s, longer than it waits for them, with nothing down", p.Name, span(latency)), "its first requests are given up, 504"
}

// tellPeak is the story of a placement that is too small with nothing down.
func (t *Target) tellPeak(f *Finding) (lines []Line) {
	if l, ok := t.Facts.Peak[f.Where]; ok {
		lines = append(lines, Line{"before", "needed: " + t.loadLine(f.Where, l)})
	}
	return append(lines, Line{after(f.At), "FAIL: " + f.told()}, steady(f))
}

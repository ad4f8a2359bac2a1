package fuzz

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// leaves-failing-endpoint: an endpoint that hangs, refuses connections or
// answers 500 soon gets no more than test requests, and nobody is refused
// because of it.

const (
	// leavingTime is how soon, unless a promise says otherwise: two of the response
	// header timeouts that are the default, in which a hang is noticed and counted.
	leavingTime = 20 * core.Second
	// hung is how much longer it may take for each further endpoint of a placement
	// that tries one after the other: one response header timeout.
	hung = 10 * core.Second
	// fewest requests must be able to reach the endpoint in that time. Where the
	// load is lower, the time is longer.
	fewest = 10
	// strays is the share of requests, in parts per million, from which on it counts:
	// least_request may send a few more to a hung endpoint that few requests wait at.
	strays = million / 100
	// often is how many test requests a second are too many, of each endpoint that fails:
	// every one of them is a client's.
	often = 2
)

// leavingDrills: each way to fail, of one endpoint where others are left, and of
// the whole placement where another takes over.
func (t *Target) leavingDrills(p *core.PlacementInfo) (list []Drill) {
	names, all := t.endpointNames(p.Name)
	if all < 2 {
		names = nil
	}
	if len(p.Candidates) > 1 {
		names = append(names, "")
	}
	for _, e := range names {
		for _, k := range [...]sim.FaultKind{sim.Hang, sim.Refuse, sim.Flaky} {
			list = append(list, Drill{Property: LeavesFailing, Placement: p.Name, Endpoint: e, Fault: k})
		}
	}
	return list
}

func (t *Target) leavingTime(d *Drill) core.Duration {
	_, all := t.endpointNames(d.Placement)
	perSecond := max(1, t.share(t.loads()[d.Placement].PerSecond))
	enough := core.Duration(fewest*max(all, 1)) * core.Second / core.Duration(perSecond)
	usual := core.Duration(leavingTime)
	if p, _ := find(&t.Spec, d.Placement); d.Endpoint == "" && (p.Select == core.First || p.Select.Hashing() || p.Shards > 0) {
		usual = min(usual+core.Duration(all-1)*hung, 6*leavingTime)
	}
	_, within := t.promised(FailOver, "", max(usual, enough))
	return within
}

// hits reports whether the drill concerns an endpoint.
func (d *Drill) hits(r *sim.Result, e int) bool {
	id := &r.Endpoints[e]
	return r.Placements[id.Placement] == d.Placement && (d.Endpoint == "" || d.Endpoint == id.Name || d.Endpoint == id.URL)
}

// tests counts the test requests that what fails gets from a time on, and how
// many of its endpoints there are.
func (d *Drill) tests(r *sim.Result, from core.Time) (tests, endpoints uint64) {
	for e := range r.Endpoints {
		if !d.hits(r, e) {
			continue
		}
		endpoints++
		for i := range r.Windows {
			if w := &r.Windows[i]; w.From >= from {
				tests += w.Endpoints[e].Probes
			}
		}
	}
	return tests, endpoints
}

// astray counts, in one window, the requests that were sent to what fails, test
// requests left out, and those that were refused although only that fails.
func astray(d *Drill, r *sim.Result, w *sim.Window) (sent, refused uint64) {
	n := slices.Index(r.Placements, d.Placement)
	for e := range w.Endpoints {
		if d.hits(r, e) {
			sent += w.Endpoints[e].Requests - w.Endpoints[e].Probes
		}
	}
	if d.Endpoint == "" {
		for i := range w.Placements {
			if w.Placements[i].GuestRefused > 0 {
				return sent, 0 // its fallbacks have no room: N-1 says so
			}
		}
	}
	return sent, w.Placements[n].Refused
}

func (t *Target) judgeLeaving(d *Drill, r *sim.Result) *Finding {
	from, n := t.judgedFrom(d), slices.Index(r.Placements, d.Placement)
	var sent, refused, all uint64
	at := core.Never
	for i := range r.Windows {
		w := &r.Windows[i]
		if w.From < settled && w.Placements[n].Refused > 0 {
			return nil // with nothing down it is too small: that is the peak's matter
		}
		if w.From < from {
			continue
		}
		s, x := astray(d, r, w)
		if s+x > 0 {
			at = min(at, w.From)
		}
		sent, refused, all = sent+s, refused+x, all+w.Placements[n].Arrivals
	}
	within := span(t.leavingTime(d))
	f := &Finding{Where: d.Placement, At: at, Allowed: all * strays / million, Promised: fmt.Sprintf("at most %s of its requests after %s", percent(strays), within)}
	few := (sent+refused)*million <= all*strays
	if t.nameOf(LeavesFailing) != LeavesFailing { // a promise is taken at its word
		few = few && sent == 0
		f.Promised, f.Allowed = "no more than test requests after "+within, 0
	}
	if few {
		return t.judgeTests(f, d, r, all)
	}
	what, share := d.sends(), partOf(sent, all)
	f.event = "it still gets more than test requests"
	if refused > sent {
		what, share = d.refuses(), partOf(refused, all)
		f.event = "its own requests are still refused"
	}
	f.Sentence = fmt.Sprintf("%s: %s of them, after %s", what, share, within)
	return f
}

// judgeTests finds test requests so frequent that they are a share of the traffic.
// A promise allows them, however many.
func (t *Target) judgeTests(f *Finding, d *Drill, r *sim.Result, all uint64) *Finding {
	from := t.judgedFrom(d)
	tests, endpoints := d.tests(r, from)
	const seconds = uint64(judged / core.Second)
	if t.nameOf(LeavesFailing) != LeavesFailing || tests*million <= all*strays || tests <= often*seconds*endpoints {
		return nil
	}
	f.At, f.event = from, "its test requests are still a share of the traffic"
	f.Promised = fmt.Sprintf("at most %d test requests a second to each endpoint that fails", often)
	f.Sentence = fmt.Sprintf("%s tests %s, which %s, so often that %s of its requests fail", d.Placement, cmp.Or(d.Endpoint, "each endpoint"), failing(d.Fault), partOf(tests, all))
	return f
}

func (d *Drill) sends() string {
	if d.Endpoint == "" {
		return fmt.Sprintf("%s still sends requests to its endpoints, although each %s", d.Placement, failing(d.Fault))
	}
	return fmt.Sprintf("%s still sends requests to %s, which %s", d.Placement, d.Endpoint, failing(d.Fault))
}

func (d *Drill) refuses() string {
	if d.Endpoint == "" {
		return fmt.Sprintf("%s refuses its own requests while it %s, and hands none on", d.Placement, failing(d.Fault))
	}
	return fmt.Sprintf("%s refuses its own requests because %s %s", d.Placement, d.Endpoint, failing(d.Fault))
}

// leavingFixes lists what lets p leave a failing endpoint sooner.
func (t *Target) leavingFixes(d *Drill, p *core.PlacementInfo) (list []fix) {
	const few, open = 5, 5 * core.Second
	b := &p.Breaker
	if b.Off {
		k := knob{"breaker", func(p *core.PlacementInfo) int64 { return int64(flag(p.Breaker.Off)) }, func(p *core.PlacementSpec, _ int64) {
			p.Breaker = core.BreakerSpec{Failures: few, Open: open}
		}}
		return []fix{t.turn(p, k, 0, "none", "{consecutive_failures: 5, open: 5s}", "5 failures in a row keep requests away for 5s")}
	}
	if b.Open < core.Second {
		k := knob{"breaker.open", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.Open) }, func(p *core.PlacementSpec, to int64) {
			p.Breaker.Open, p.Breaker.OpenMax = core.Duration(to), max(p.Breaker.OpenMax, core.Duration(to))
		}}
		list = append(list, t.turnTime(p, k, open, span(b.Open), "while it fails, a test request every "+span(open)+" in place of every "+span(b.Open)))
	}
	if b.MaxOpenPercent < 100 {
		k := knob{"breaker.max_open", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.MaxOpenPercent) }, func(p *core.PlacementSpec, to int64) {
			p.Breaker.MaxOpenPercent = uint32(to)
		}}
		now := fmt.Sprintf("%d%%: of its endpoints at most %s are left at once", b.MaxOpenPercent, ofEndpoints(p))
		list = append(list, t.turn(p, k, 100, now, "100%", "all of its endpoints may be left at once"))
	}
	list = append(list, t.ratioFixes(p)...)
	if b.Failures > few {
		k := knob{"breaker.consecutive_failures", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.Failures) }, func(p *core.PlacementSpec, to int64) {
			p.Breaker.Failures = uint32(to)
		}}
		now := fmt.Sprintf("%d in a row", b.Failures)
		if b.Failures == core.NeverConsecutive {
			now = "none"
		} else if room := p.Limit.InFlight; room > 0 && b.Failures > uint32(room) {
			now += fmt.Sprintf(", and at most %d can be in flight", room)
		}
		list = append(list, t.turn(p, k, few, now, fmt.Sprint(few), fmt.Sprintf("%d failures in a row open it, before %s", few, now)))
	}
	if room, needed := int64(p.Limit.InFlight), int64(b.Failures)*int64(p.EndEP-p.FirstEP); d.Fault == sim.Hang && room > 0 && room < needed && b.Failures <= few {
		k := knob{"limit.in_flight", func(p *core.PlacementInfo) int64 { return int64(p.Limit.InFlight) }, func(p *core.PlacementSpec, to int64) {
			p.Limit.InFlight = int32(to)
		}}
		now := fmt.Sprintf("room for %d in flight, fewer than the failures that open its breakers: %d", room, needed)
		list = append(list, t.turn(p, k, needed, now, fmt.Sprint(needed), fmt.Sprintf("its servers get up to %d at once from each router, before %d", needed, room)))
	}
	if d.Fault == sim.Hang {
		list = append(list, t.shorter(p)...)
	}
	return list
}

// ratioFixes lists what lets a share of failures open a breaker sooner.
func (t *Target) ratioFixes(p *core.PlacementInfo) (list []fix) {
	const enough, usual, half = 5, 10 * core.Second, million / 2
	b := &p.Breaker
	if b.MinRequests > enough {
		k := knob{"breaker.min_requests", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.MinRequests) }, func(p *core.PlacementSpec, to int64) {
			p.Breaker.MinRequests = uint32(to)
		}}
		now := fmt.Sprintf("%d in %s", b.MinRequests, span(b.Window))
		list = append(list, t.turn(p, k, enough, now, fmt.Sprint(enough), fmt.Sprintf("%d answers are enough to judge an endpoint by, before %d", enough, b.MinRequests)))
	}
	if b.Window > usual {
		k := knob{"breaker.window", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.Window) }, func(p *core.PlacementSpec, to int64) {
			p.Breaker.Window = core.Duration(to)
		}}
		list = append(list, t.turnTime(p, k, usual, span(b.Window), "good answers of before count against failures for "+span(usual)+", before "+span(b.Window)))
	}
	if b.FailureRatio > half {
		k := knob{"breaker.failure_ratio", func(p *core.PlacementInfo) int64 { return int64(p.Breaker.FailureRatio) }, func(p *core.PlacementSpec, to int64) {
			p.Breaker.FailureRatio = uint32(to)
		}}
		list = append(list, t.turn(p, k, half, percent(b.FailureRatio), "50%", "half of its answers failing open it"))
	}
	return list
}

// shorter gives up on a hung request sooner, and well after any sound answer.
func (t *Target) shorter(p *core.PlacementInfo) []fix {
	var slowest core.Duration
	for _, l := range t.loads() {
		slowest = max(slowest, l.Latency)
	}
	k := knob{"timeouts.response_header", func(p *core.PlacementInfo) int64 { return int64(p.Timeouts.ResponseHeader) }, func(p *core.PlacementSpec, to int64) {
		p.Timeouts.ResponseHeader = core.Duration(to)
	}}
	for _, to := range [...]core.Duration{10 * core.Second, 5 * core.Second, 2 * core.Second} {
		if now := p.Timeouts.ResponseHeader; now > to && to > 4*slowest {
			return []fix{t.turnTime(p, k, to, span(now)+": so long a hung request holds its slot", "answers slower than "+span(to)+" fail")}
		}
	}
	return nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// ofEndpoints says how many breakers of p may be open at once (R6).
func ofEndpoints(p *core.PlacementInfo) string {
	n := p.EndEP - p.FirstEP
	return fmt.Sprintf("%d of %d", max(1, n*int(p.Breaker.MaxOpenPercent)/100), n)
}

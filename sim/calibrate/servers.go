package calibrate

import (
	"cmp"
	"slices"

	"lockstep/core"
	"lockstep/sim"
)

// servers gives the plan its servers and what was wrong with them.
func (l *Learner) servers(m *Model) {
	slices.SortFunc(l.order, func(a, b Endpoint) int {
		return cmp.Or(cmp.Compare(a.Placement, b.Placement), cmp.Compare(a.Name, b.Name))
	})
	known := l.inPlan(m)
	unseen := 0
	for _, e := range l.order {
		w := l.endpoints[e]
		if !known[e] {
			continue
		}
		f := faultsOf{w: w, endpoint: e, length: core.Time(m.Plan.Length)}
		f.find()
		service, ok := f.service()
		if !ok {
			if service, ok = l.neighbours(e); !ok {
				unseen++
				continue
			}
		}
		m.Plan.Backends = append(m.Plan.Backends, sim.BackendOverride{
			Placement: e.Placement, Endpoint: e.Name, Backend: sim.Backend{Service: service, Flaky: f.flaky},
		})
		m.Plan.Faults = append(m.Plan.Faults, f.out...)
	}
	if unseen > 0 {
		m.Assumed = append(m.Assumed, counted(uint64(unseen), "endpoint was never seen to answer, nor was any beside it: it takes 10 ms", "endpoints were never seen to answer, nor was any beside them: they take 10 ms"))
	}
	slices.SortStableFunc(m.Plan.Faults, func(a, b sim.Fault) int { return cmp.Compare(a.At, b.At) })
	if len(m.Plan.Faults) > 0 {
		m.Assumed = append(m.Assumed, "an endpoint failed from its first failure to half-way between its last and the first good sign after it")
	}
}

// inPlan lists the endpoints that some configuration of the plan has.
func (l *Learner) inPlan(m *Model) map[Endpoint]bool {
	all := map[Endpoint]bool{}
	add := func(s *core.Spec) {
		for _, p := range s.Placements {
			for _, e := range p.Endpoints {
				all[Endpoint{p.Name, cmp.Or(e.Name, e.URL)}] = true
			}
		}
	}
	add(&m.Plan.Spec)
	for i := range m.Plan.Pushes {
		if s := m.Plan.Pushes[i].Spec; s != nil {
			add(s)
		}
	}
	return all
}

// neighbours is how long the other endpoints of a placement take.
func (l *Learner) neighbours(e Endpoint) (sim.Service, bool) {
	var all sim.Histogram
	for _, o := range l.order {
		if o.Placement != e.Placement {
			continue
		}
		for _, c := range l.endpoints[o].chunks {
			all.Merge(c)
		}
	}
	return measured(all), all.Count() > 0
}

func measured(h sim.Histogram) sim.Service {
	return sim.Service{Shape: sim.Empirical, Histogram: h.Buckets()}
}

// faultsOf finds what was wrong with one endpoint, and when.
type faultsOf struct {
	w        *witness
	endpoint Endpoint
	length   core.Time
	runs     []run // that are believed
	flaky    uint32
	out      []sim.Fault
}

func (f *faultsOf) find() {
	f.w.closeRun()
	f.w.closeIll()
	f.findRuns()
	for i := range f.runs {
		r := &f.runs[i]
		f.add(r.mode(), million, r.from, r.mended())
	}
	f.findShares()
	f.findIll()
	f.findSlow()
}

// add writes a fault of that mode, share and time; until core.Never means to the end.
func (f *faultsOf) add(m mode, share uint32, from, until core.Time) {
	x := sim.Fault{At: from, Placement: f.endpoint.Placement, Endpoint: f.endpoint.Name}
	if until < f.length {
		x.Until = until
	}
	switch whole := share == million; {
	case m == refuses && whole:
		x.Kind = sim.Refuse
	case m == hangs && whole:
		x.Kind = sim.Hang
	case m == resets && whole:
		x.Kind = sim.ResetNew
	case m == lost:
		x.Kind = sim.Lossy
	case m == breaks:
		x.Kind = sim.BrokenBody
	case m == stalls:
		x.Kind = sim.StuckBody
	default:
		x.Kind, x.Status = sim.Flaky, f.w.commonStatus()
	}
	switch x.Kind {
	case sim.Lossy, sim.BrokenBody, sim.StuckBody, sim.Flaky:
		x.Share = share
	}
	f.out = append(f.out, x)
}

// commonStatus is the status from 500 on that was seen most, 502 for none.
func (w *witness) commonStatus() uint16 {
	most := 502
	for s := 500; s < len(w.status); s++ {
		if w.status[s] > w.status[most] {
			most = s
		}
	}
	return uint16(most)
}

// findRuns takes the runs that are believed, and what failed in them out of the
// bins, so that what is left there are shares.
func (f *faultsOf) findRuns() {
	for i := range f.w.runs {
		if r := &f.w.runs[i]; f.believed(r) {
			f.runs = append(f.runs, *r)
		}
	}
	for i := range f.runs {
		r := f.runs[i]
		for k := f.bin(r.began); k <= f.bin(r.last) && k < len(f.w.bins); k++ {
			for m := range modes {
				n := min(r.bad[m], f.w.bins[k].bad[m])
				r.bad[m] -= n
				f.w.bins[k].bad[m] -= n
			}
		}
	}
}

func (f *faultsOf) bin(at core.Time) int { return int(int64(at) / int64(f.w.width)) }

// believed reports whether a run is one, and not chance where a share of
// attempts fails: less than one in a million to come about by the share that
// failed in the twenty bins around it.
func (f *faultsOf) believed(r *run) bool {
	const around = 20
	var good, bad uint64
	for i := max(0, f.bin(r.from)-around); i < min(len(f.w.bins), f.bin(r.last)+around+1); i++ {
		good += uint64(f.w.bins[i].good)
		bad += uint64(f.w.bins[i].failed())
	}
	bad -= min(bad, uint64(r.count()))
	share := uint64(0)
	if bad > 0 {
		share = bad * million / (good + bad)
	}
	chance := uint64(million)
	for range min(r.count(), 1000) {
		chance = chance * share / million
	}
	return chance == 0
}

// mended is when a run ended: half-way from its last bad sign to the first good
// one, of requests or of health probes.
func (r *run) mended() core.Time {
	low, high := max(r.last, r.lastIll), min(r.end, r.well)
	if high == core.Never {
		return core.Never
	}
	return low.Add(max(0, high.Sub(low))/2 + 1)
}

// sharing is a stretch in which a share of the attempts failed.
type sharing struct {
	from, to core.Time
	good     uint64
	bad      [modes]uint64
}

func (s *sharing) failed() (n uint64) {
	for _, m := range s.bad {
		n += m
	}
	return n
}

// findShares looks for stretches in which a share of the attempts failed, apart
// from the runs. One that is the same throughout is the server's own.
func (f *faultsOf) findShares() {
	var all []sharing
	width := max(f.w.width, core.Second, core.Duration(f.length)/steps)
	for i := range f.w.bins {
		at := core.Time(f.w.width) * core.Time(i)
		from := at - at%core.Time(width)
		if n := len(all); n == 0 || all[n-1].from != from {
			all = append(all, sharing{from: from, to: from.Add(width)})
		}
		s := &all[len(all)-1]
		s.good += uint64(f.w.bins[i].good)
		for m, n := range f.w.bins[i].bad {
			s.bad[m] += uint64(n)
		}
	}
	merged := joinAlike(all, func(a, b *sharing) uint64 { return a.unlike(b) }, func(a, b *sharing) { a.join(b) })
	for _, s := range merged {
		f.share(&s, len(merged) == 1)
	}
}

// unlike is by how much two stretches fail differently, as joinAlike wants it.
func (s *sharing) unlike(o *sharing) uint64 {
	a, b := s.failed(), o.failed()
	n, k := s.good+a, o.good+b
	if n == 0 || k == 0 {
		return 0
	}
	expected := (a + b) * k / (n + k)
	return deviation(b, expected, (a+b)*min(n, k)/(n+k))
}

func (s *sharing) join(o *sharing) {
	s.to, s.good = o.to, s.good+o.good
	for m := range s.bad {
		s.bad[m] += o.bad[m]
	}
}

// share writes the faults of one stretch; a share below one in a thousand is none.
func (f *faultsOf) share(s *sharing, always bool) {
	total := s.good + s.failed()
	if total == 0 {
		return
	}
	answered := uint32(0)
	for m := range modes {
		part := uint32(s.bad[m] * million / total)
		switch m {
		case lost, breaks, stalls:
			if part >= million/1000 {
				f.add(m, min(part, million-1), s.from, s.to)
			}
		default:
			answered += part
		}
	}
	switch {
	case always:
		f.flaky = answered
	case answered >= million/1000:
		f.add(answers, min(answered, million-1), s.from, s.to)
	}
}

// findIll looks for health that was bad while requests went well, and for
// health that was good while they did not.
func (f *faultsOf) findIll() {
	add := func(kind sim.FaultKind, from, until core.Time) {
		x := sim.Fault{Kind: kind, At: from, Placement: f.endpoint.Placement, Endpoint: f.endpoint.Name}
		if until < f.length {
			x.Until = until
		}
		f.out = append(f.out, x)
	}
	for _, x := range f.w.ills {
		if slices.ContainsFunc(f.runs, func(r run) bool { return x.from <= r.end && x.last >= r.from }) {
			continue
		}
		until := core.Never
		if x.end != core.Never {
			until = x.last.Add(x.end.Sub(x.last)/2 + 1)
		}
		add(sim.HealthDown, x.from, until)
	}
	for i := range f.runs {
		r := &f.runs[i]
		if m := r.mode(); (m == refuses || m == hangs || m == resets) && r.passed > 0 && r.failed == 0 { // the others leave health alone
			add(sim.HealthUp, r.from, r.mended())
		}
	}
}

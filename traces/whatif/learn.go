package whatif

import (
	"lockstep/core"
	"lockstep/traces"
)

// learner reads one router's recording for what its endpoints did.
type learner struct {
	samples  *Samples
	name     string
	number   int
	origin   int64
	verifier *traces.Verifier
	router   *core.Router // the verifier's, to notice when it begins anew
	open     traces.Flights[attempt]
	who      []caller  // by slot
	probes   []attempt // by number of the endpoint; gen is the token
}

// attempt is one that is under way in a recording.
type attempt struct {
	gen     uint32
	began   core.Time
	replied core.Duration
	status  uint16
	home    *history
	request uint64
}

// Learn adds what the endpoints did in one segment of a router's recording.
// Segments of one router come in order, under one name. It replays and compares
// as it reads: Report says what was found. The error is one of reading.
func (s *Samples) Learn(router string, rd *traces.Reader) error {
	l := s.learner(router)
	l.origin = rd.Header().Origin
	return l.verifier.Run(rd)
}

// number returns which router a name is, -1 for one that was not learnt from.
func (s *Samples) number(router string) int {
	for _, l := range s.routers {
		if l.name == router {
			return l.number
		}
	}
	return -1
}

// Report returns what replaying a router's recording found so far.
func (s *Samples) Report(router string) traces.Report { return s.learner(router).verifier.Report() }

func (s *Samples) learner(router string) *learner {
	for _, l := range s.routers {
		if l.name == router {
			return l
		}
	}
	for _, h := range s.ends {
		h.close()
	}
	l := &learner{samples: s, name: router, number: len(s.routers)}
	l.verifier = traces.NewVerifier(traces.Options{Before: l.before, After: l.after})
	s.routers = append(s.routers, l)
	return l
}

// before notices that the replay begins anew: what was under way is not followed any more.
func (l *learner) before(_ *traces.Fact, r *core.Router) {
	if r != l.router {
		l.router = r
		l.open = traces.Flights[attempt]{}
		clear(l.probes)
	}
}

func (l *learner) after(f *traces.Fact, r *core.Router, decided []core.Decision) {
	ev := &f.Event
	switch ev.Kind {
	case core.Reply:
		l.reply(f, decided)
	case core.Finish:
		l.finish(f)
	case core.Probed:
		l.probed(f)
	}
	for i := range decided {
		d := &decided[i]
		switch d.Kind {
		case core.Forward:
			l.forward(f, r, d)
		case core.Probe:
			l.probe(f, r, d)
		}
	}
	l.clients(f, decided)
}

func (l *learner) forward(f *traces.Fact, r *core.Router, d *core.Decision) {
	v := r.Endpoint(d.Endpoint)
	h := l.samples.history(r.Identity(d.Endpoint), r.Placement(d.Placement).Name, v.URL)
	l.open.Put(d.Handle, attempt{gen: d.Handle.Gen, began: f.Time, home: h, request: f.Event.Request})
	b := l.samples.at(h, l.origin+int64(f.Time))
	b.peak = max(b.peak, int32(min(v.InFlight, 1<<30)))
}

func (l *learner) reply(f *traces.Fact, decided []core.Decision) {
	a := l.open.Of(f.Event.Handle)
	if a == nil {
		return
	}
	a.replied, a.status = max(1, f.Time.Sub(a.began)), f.Event.Status
	if n := len(decided); n > 0 && decided[n-1].Kind == core.Retry {
		l.end(f, a, sample{took: a.replied, replied: a.replied, status: a.status, retryAfter: f.Event.RetryAfter, sent: true})
	}
}

func (l *learner) finish(f *traces.Fact) {
	a := l.open.Of(f.Event.Handle)
	if a == nil {
		return
	}
	ev := &f.Event
	l.end(f, a, sample{took: f.Time.Sub(a.began), replied: a.replied, retryAfter: ev.RetryAfter, class: ev.Class, status: max(ev.Status, a.status), sent: ev.Sent})
}

// end books an attempt that f ends; one that a drain cut says nothing about its endpoint.
func (l *learner) end(f *traces.Fact, a *attempt, o sample) {
	if o.class != core.Draining {
		wall, draw := l.origin+int64(a.began), fold(a.request, uint64(a.began), uint64(a.gen))
		l.samples.add(a.home, wall, draw, o)
		a.home.follow(l.number, wall, draw, &o)
	}
	l.open.Drop(f.Event.Handle)
}

func (l *learner) probe(f *traces.Fact, r *core.Router, d *core.Decision) {
	l.probes = grown(l.probes, int(d.Endpoint))
	p := &l.probes[d.Endpoint]
	if p.gen != 0 { // its guard came first
		l.samples.addProbe(p.home, l.origin+int64(p.began), fold(uint64(p.began), uint64(p.gen)), probeSample{took: -1})
	}
	h := l.samples.history(r.Identity(d.Endpoint), r.Placement(d.Placement).Name, r.Endpoint(d.Endpoint).URL)
	*p = attempt{gen: d.Token, began: f.Time, home: h}
}

func (l *learner) probed(f *traces.Fact) {
	n := int(f.Event.Endpoint)
	if n < 0 || n >= len(l.probes) || l.probes[n].gen != f.Event.Token || f.Event.Token == 0 {
		return
	}
	p := &l.probes[n]
	l.samples.addProbe(p.home, l.origin+int64(p.began), fold(uint64(p.began), uint64(p.gen)), probeSample{took: f.Time.Sub(p.began), ok: f.Event.OK})
	*p = attempt{}
}

// grown makes s long enough for index n.
func grown[T any](s []T, n int) []T {
	for len(s) <= n {
		s = append(s, *new(T))
	}
	return s
}

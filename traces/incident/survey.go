package incident

import (
	"cmp"
	"slices"

	"lockstep/core"
	"lockstep/traces"
)

// survey is what the first reading of one router's recording collects: what
// mattered, when requests were hurt, and what other routers may have seen too.
type survey struct {
	Source
	spans
	signs   signs
	shared  shared
	streaks map[int32]*streak
	config  *core.Config
	initial *core.Config // in force where reading begins
	first   int64        // time of the first fact
	latest  int64
	begun   bool
	steps   uint64

	requests uint64
	report   traces.Report

	ending [2]uint64 // the latest step that ended an attempt, and the arrival of its request
}

// streak is the present run of failures of one endpoint, and what is known of
// when it began to fail.
type streak struct {
	count   int
	class   core.Class
	good    int64 // when the latest attempt that worked was sent, 0 for none
	failed  int64 // when the first failure of the run was seen
	badSent int64 // when the latest attempt that failed was sent
	down    bool  // the run opened a breaker
}

func newSurvey(s Source, number int, from, to int64) *survey {
	return &survey{
		Source: s, streaks: map[int32]*streak{}, shared: newShared(), signs: newSigns(),
		spans: spans{router: number, from: from, to: to, current: map[spanKey]*Span{}},
	}
}

// read replays the source once.
func (s *survey) read(from, to int64) (err error) {
	if err := s.earlier(from); err != nil {
		return err
	}
	w := newWatch(s)
	o := w.options()
	if to != 0 {
		o.Stop = func() bool { return s.latest > to+quiet }
	}
	s.report, err = s.Run(o, from)
	w.end()
	return err
}

// earlier finds the configuration that is in force where reading begins, and the one before it.
func (s *survey) earlier(from int64) error {
	if from == 0 || s.LastAdopt == nil {
		return nil
	}
	at, err := s.LastAdopt(from)
	if err != nil || at == 0 {
		return err
	}
	done := false
	_, err = s.Run(traces.Options{
		Before: func(_ *traces.Fact, r *core.Router) { s.config = r.Config() },
		After: func(f *traces.Fact, _ *core.Router, decided []core.Decision) {
			t := s.wall(f.Time)
			for i := range decided {
				if decided[i].Kind == core.NoteAdopted && t <= from {
					s.adopted(f, &decided[i], t)
				}
			}
			done = t >= at
		},
		Stop: func() bool { return done },
	}, at)
	return err
}

func (s *survey) wall(t core.Time) int64 { return s.Origin + int64(t) }

// resume books states that hold where replay begins, and ends those that do not.
func (s *survey) resume(f *traces.Fact, r *core.Router) {
	t := s.wall(r.Now())
	if !s.begun {
		s.begun, s.first, s.initial = true, s.wall(f.Time), r.Config()
	}
	s.config = r.Config()
	s.streaks = map[int32]*streak{}
	s.forget()
	for n := range int32(r.Endpoints()) {
		e := r.Endpoint(n)
		s.state(spanKey{kind: BreakerOpen, number: n}, e.Breaker == core.Open || e.Breaker == core.HalfOpen, t, f.Step, r)
		s.state(spanKey{kind: Unhealthy, number: n}, e.Unhealthy, t, f.Step, r)
	}
	for n := range int32(r.Placements()) {
		s.state(spanKey{kind: Panic, number: n}, r.Placement(n).Panic, t, f.Step, r)
	}
	s.state(spanKey{kind: Draining}, r.Draining(), t, f.Step, r)
}

func (s *survey) state(k spanKey, holds bool, t int64, step uint64, r *core.Router) {
	span := s.current[k]
	switch {
	case holds && (span == nil || !span.Open):
		span, _ = s.book(k, t, step)
		span.Before, span.Subject = true, subjectOf(k, r)
		span.Count-- // that it began was not seen
	case !holds && span != nil && span.Open:
		s.close(k, t)
	}
}

// subjectOf names what a state is of.
func subjectOf(k spanKey, r *core.Router) string {
	switch k.kind {
	case BreakerOpen, Unhealthy, Failing, Capped:
		return endpointName(r, k.number)
	case Panic, Full, LimitMoved:
		return r.Placement(k.number).Name
	}
	return ""
}

// endpointName is placement/name of an endpoint number.
func endpointName(r *core.Router, n int32) string {
	e := r.Endpoint(n)
	if e.Name == "" {
		return "an endpoint"
	}
	return r.Placement(e.Placement).Name + "/" + e.Name
}

func (s *survey) missing(from, to uint64, since, until core.Time) {
	span, _ := s.book(spanKey{kind: Missing, number: int32(len(s.list))}, s.wall(since), from)
	span.Last, span.FromStep, span.UpToStep = s.wall(until), from, to
}

func (s *survey) lost(*flight) {}

func (s *survey) before(f *traces.Fact, _ *core.Router) {
	s.steps++
	s.latest = s.wall(f.Time)
}

func (s *survey) arrived(*traces.Fact, *flight) { s.requests++ }

func (s *survey) sentTo(f *traces.Fact, r *core.Router, fl *flight, d *core.Decision) {
	t := s.wall(d.At)
	if p := r.Placement(d.Placement); p.Limit > 0 && p.InFlight >= p.Limit {
		span, begun := s.book(spanKey{kind: Full, number: d.Placement}, t, f.Step)
		if begun {
			span.Subject, span.Limit, span.Request, span.Key = p.Name, p.Limit, fl.step, clone(fl.key, f, fl)
		}
		if p.InFlight > span.Peak {
			span.Peak, span.PeakGuests = p.InFlight, p.Guests
		}
	}
	if fl.guest && fl.home != "" && fl.served != fl.home {
		s.signs.moved(t, s.wall(fl.at))
		span, begun := s.book(spanKey{kind: Guests, number: d.Placement, other: numberOf(r, fl.home), detail: uint8(d.Failover)}, t, f.Step)
		if begun {
			span.Subject, span.Detail, span.Request, span.Key = fl.home, fl.served, fl.step, clone(fl.key, f, fl)
			span.ReportedCause = d.Failover.String()
		}
	}
}

// clone copies a key that is valid only at its arrival; later it is not known any more.
func clone(key string, f *traces.Fact, fl *flight) string {
	if f.Step != fl.step {
		return ""
	}
	return string(append([]byte(nil), key...))
}

func numberOf(r *core.Router, placement string) int32 {
	if i, ok := r.Config().FindPlacement(placement); ok {
		return r.PlacementNumber(i)
	}
	return -1
}

// attempted follows failures in a row, and when an endpoint began to fail and to work again.
func (s *survey) attempted(f *traces.Fact, r *core.Router, fl *flight, c core.Class) {
	s.ending = [2]uint64{f.Step, fl.step}
	if fl.endpoint < 0 {
		return
	}
	run := s.streaks[fl.endpoint]
	if run == nil {
		run = new(streak)
		s.streaks[fl.endpoint] = run
	}
	t, sent := s.wall(f.Time), s.wall(fl.sent)
	switch c.Effect() {
	case core.EffectOK:
		if run.down {
			s.shared.edge(r.Identity(fl.endpoint), true, run.badSent, t)
		}
		run.count, run.down, run.good = 0, false, max(run.good, sent)
	case core.EffectFailure:
		if run.count++; run.count == 1 {
			run.class, run.failed = c, t
		}
		run.badSent = max(run.badSent, sent)
		span, begun := s.book(spanKey{kind: Failing, number: fl.endpoint, detail: uint8(c)}, t, f.Step)
		if begun {
			span.Subject, span.Detail, span.Request = endpointName(r, fl.endpoint), c.String(), fl.step
		}
	}
}

func (s *survey) ended(f *traces.Fact, fl *flight, o Outcome, c core.Class, status uint16) {
	t, began := s.wall(f.Time), s.wall(fl.at)
	s.shared.request(fl.id, began, t, o)
	s.signs.request(t, began, o, c)
	if c != core.ClientGone {
		return
	}
	span, begun := s.book(spanKey{kind: Leaving, number: fl.endpoint}, t, f.Step)
	if begun {
		span.Subject, span.Request = cmp.Or(fl.served, fl.home), fl.step
	}
}

// note books what decisions say of the router's state.
func (s *survey) note(f *traces.Fact, r *core.Router, d *core.Decision) {
	t := s.wall(d.At)
	switch d.Kind {
	case core.Reject:
		s.refused(f, r, d, t)
	case core.NoteOpened:
		s.opened(f, r, d, t)
	case core.NoteClosed:
		s.close(spanKey{kind: BreakerOpen, number: d.Endpoint}, t)
	case core.NoteTripCapped:
		s.simple(Capped, d.Endpoint, t, f.Step, r)
	case core.NoteUnhealthy:
		s.signs.point(t)
		s.simple(Unhealthy, d.Endpoint, t, f.Step, r)
	case core.NoteHealthy:
		s.close(spanKey{kind: Unhealthy, number: d.Endpoint}, t)
	case core.NotePanicEntered:
		s.signs.point(t)
		s.simple(Panic, d.Placement, t, f.Step, r)
	case core.NotePanicLeft:
		s.close(spanKey{kind: Panic, number: d.Placement}, t)
	case core.NoteLimitChanged:
		s.simple(LimitMoved, d.Placement, t, f.Step, r).Limit = int(d.Count)
	case core.NoteRetired:
		s.simple(Retiring, 0, t, f.Step, r)
		s.close(spanKey{kind: BreakerOpen, number: d.Endpoint}, t)
		s.close(spanKey{kind: Unhealthy, number: d.Endpoint}, t)
		delete(s.streaks, d.Endpoint)
	case core.NoteControl:
		s.control(f, t)
	case core.NoteDraining:
		s.simple(Draining, 0, t, f.Step, r)
	case core.NoteDrained:
		s.close(spanKey{kind: Draining}, t)
	case core.NoteAdopted:
		s.adopted(f, d, t)
	case core.Nack:
		s.nacked(f, d, t)
	case core.NoteBug:
		s.signs.point(t)
		s.simple(Bug, int32(d.Cause), t, f.Step, r).Detail = d.Cause.String()
	}
}

func (s *survey) simple(k Kind, number int32, t int64, step uint64, r *core.Router) *Span {
	key := spanKey{kind: k, number: number}
	span, begun := s.book(key, t, step)
	if begun {
		span.Subject = subjectOf(key, r)
	}
	return span
}

func (s *survey) refused(f *traces.Fact, r *core.Router, d *core.Decision, t int64) {
	if clients(d.Class) {
		return
	}
	span, begun := s.book(spanKey{kind: Refusing, number: d.Placement, detail: uint8(d.Class)}, t, f.Step)
	if !begun {
		return
	}
	p := r.Placement(d.Placement)
	span.Subject, span.Detail, span.Limit = p.Name, d.Class.String(), p.Limit
	span.Peak, span.PeakGuests = p.InFlight, p.Guests
	if f.Event.Kind == core.Arrive {
		span.Request, span.Key = f.Step, string(append([]byte(nil), f.Request.Key...))
	}
}

func (s *survey) opened(f *traces.Fact, r *core.Router, d *core.Decision, t int64) {
	s.signs.point(t)
	span := s.simple(BreakerOpen, d.Endpoint, t, f.Step, r)
	if span.Request == 0 && s.ending[0] == f.Step {
		span.Request = s.ending[1]
	}
	run := s.streaks[d.Endpoint]
	if run == nil || run.down {
		return
	}
	run.down = true
	if span.Count == 1 && !span.Before && d.Trip == core.TripConsecutive {
		span.Streak, span.StreakClass = run.count, run.class
	}
	if d.Trip == core.TripConsecutive && run.good > 0 {
		s.shared.edge(r.Identity(d.Endpoint), false, run.good, run.failed)
	}
}

func (s *survey) control(f *traces.Fact, t int64) {
	k := spanKey{kind: ControlLost}
	if f.Event.OK {
		s.close(k, t)
		return
	}
	s.book(k, t, f.Step)
}

func (s *survey) adopted(f *traces.Fact, d *core.Decision, t int64) {
	s.forget()
	if slices.ContainsFunc(s.list, func(p *Span) bool { return p.Kind == Adopted && p.Step == f.Step }) {
		s.config = f.Event.Config
		return // seen while looking for what was in force
	}
	span := s.begin(Adopted, t, f.Step)
	span.Epoch, span.Origin, span.Config = d.Epoch, f.Event.Origin, f.Event.Config
	span.Previous, span.HasPrevious = s.config, s.config != nil
	s.config = f.Event.Config
	if span.HasPrevious && span.Config != nil && span.Origin == core.OriginControl {
		s.shared.adopt(span.Config.Digest(), t)
	}
}

func (s *survey) nacked(f *traces.Fact, d *core.Decision, t int64) {
	span, begun := s.book(spanKey{kind: Nacked, number: int32(d.Cause)}, t, f.Step)
	if !begun {
		return
	}
	span.Detail, span.Epoch, span.Origin, span.ReportedCause = d.Cause.String(), d.Epoch, f.Event.Origin, d.GuardText()
}

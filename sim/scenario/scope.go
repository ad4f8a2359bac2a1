package scenario

import (
	"fmt"
	"math/bits"

	"lockstep/core"
	"lockstep/sim"
)

// scope is a Result narrowed to the time, placement and endpoint of one expectation.
type scope struct {
	e   *Expectation
	run *judgement

	counts        sim.Counts // requests by home placement, or all
	unreached     uint64     // requests that found no router, of all placements
	length        core.Duration
	quality       []quality
	failovers     uint64
	homeRefused   uint64
	served        uint64
	guestsServed  uint64
	guestsRefused uint64
	inFlight      int
	guests        int
	probes        perWindow // half-open ones
	probesAtOnce  int
	health        perWindow // active ones

	transitions []sim.Transition
	answers     []sim.Answer
}

// perWindow is a count, and the highest in one window.
type perWindow struct{ all, peak uint64 }

func (c *perWindow) add(n uint64) {
	c.all += n
	c.peak = max(c.peak, n)
}

// narrow sums up what the run has for e.
func (j *judgement) narrow(e *Expectation) *scope {
	r := j.result
	s := &scope{e: e, run: j}
	for i := range r.Windows {
		if w := &r.Windows[i]; e.within(w.From) {
			s.length += r.Window
			s.window(r, w, e)
		}
	}
	for _, t := range r.Transitions {
		if e.within(t.At) && e.wantsEndpoint(r, t.Endpoint) && e.wantsRouter(t.Router) {
			s.transitions = append(s.transitions, t)
		}
	}
	for _, a := range r.Answers {
		if a.Push >= 0 && e.within(a.At) && e.wantsRouter(a.Router) {
			s.answers = append(s.answers, a)
		}
	}
	return s
}

// within reports whether t is in e's span.
func (e *Expectation) within(t core.Time) bool {
	return t >= e.From.time() && (e.To == 0 || t < e.To.time())
}

func (e *Expectation) wantsRouter(n int) bool { return e.Router == 0 || e.Router == n }

func (e *Expectation) wantsPlacement(name string) bool {
	return e.Placement == "" || e.Placement == name
}

func (e *Expectation) wantsEndpoint(r *sim.Result, i int) bool {
	id := &r.Endpoints[i]
	return e.wantsPlacement(r.Placements[id.Placement]) && (e.Endpoint == "" || e.Endpoint == id.Name || e.Endpoint == id.URL)
}

// window adds one window.
func (s *scope) window(r *sim.Result, w *sim.Window, e *Expectation) {
	ok, all := s.counts.OK, s.requests()
	if e.Placement == "" {
		s.add(&w.Counts)
		s.unreached += w.Unreached
	}
	for i := range w.Placements {
		if p := &w.Placements[i]; e.wantsPlacement(r.Placements[i]) {
			s.placement(p, e)
		}
	}
	s.quality = append(s.quality, quality{w.From, s.counts.OK - ok, s.requests() - all})
	probes, health := uint64(0), uint64(0)
	for i := range w.Endpoints {
		if !e.wantsEndpoint(r, i) {
			continue
		}
		c := &w.Endpoints[i]
		s.served += c.Requests
		probes += c.Probes
		health += c.HealthProbes
		s.probesAtOnce = max(s.probesAtOnce, c.PeakProbes)
	}
	s.probes.add(probes)
	s.health.add(health)
}

func (s *scope) placement(p *sim.PlacementCounts, e *Expectation) {
	if e.Placement != "" {
		s.add(&p.Counts)
	}
	for why, n := range p.Failover {
		if core.Failover(why) != core.FailoverNone {
			s.failovers += n
		}
	}
	s.homeRefused += p.HomeRefusedByGuests
	s.guestsServed += p.ServedGuest
	s.guestsRefused += p.GuestRefused
	s.inFlight = max(s.inFlight, p.PeakInFlight)
	s.guests = max(s.guests, p.PeakGuests)
}

func (s *scope) add(c *sim.Counts) {
	s.counts.Arrivals += c.Arrivals
	s.counts.Retries += c.Retries
	s.counts.OK += c.OK
	s.counts.Lost += c.Lost
	s.counts.Refused += c.Refused
	for i, n := range c.ByClass {
		s.counts.ByClass[i] += n
	}
	s.counts.Latency.Merge(c.Latency)
}

// requests counts what clients sent, whether or not a router was there to take it.
func (s *scope) requests() uint64 { return s.counts.Arrivals + s.unreached }

// availability is the share of requests that were answered well; all of none is all.
func (s *scope) availability() int64 {
	if s.requests() == 0 {
		return million
	}
	return int64(s.counts.OK * million / s.requests())
}

// mostly says what became of most requests that failed, "" where none is over.
func (s *scope) mostly() string {
	most, how := s.unreached, "found no router"
	if s.counts.Lost > most {
		most, how = s.counts.Lost, "lost with their router"
	}
	for class, n := range s.counts.ByClass {
		if n > most {
			most, how = n, "as "+core.Class(class).String()
		}
	}
	if most == 0 {
		return ""
	}
	return fmt.Sprintf(", %d %s", most, how)
}

// goodput is complete answers below 500 per second, rounded down.
func (s *scope) goodput() int64 {
	hi, lo := bits.Mul64(s.counts.OK, uint64(core.Second))
	perSecond, _ := bits.Div64(hi, lo, uint64(max(s.length, 1)))
	return int64(perSecond)
}

// amplification is all requests to first requests.
func (s *scope) amplification() int64 {
	return int64(s.counts.Arrivals * million / max(s.counts.Arrivals-s.counts.Retries, 1))
}

// answersPerWindow is the highest number of answers to pushes in one window.
func (s *scope) answersPerWindow() int64 {
	var c perWindow
	n, window := uint64(0), core.Time(-1)
	for _, a := range s.answers { // in order
		if at := a.At / core.Time(s.run.result.Window); at != window {
			n, window = 0, at
		}
		n++
		c.add(n)
	}
	return int64(c.peak)
}

func (s *scope) transitionsOf(k core.DecisionKind) (n int64) {
	for _, t := range s.transitions {
		n += int64(b2i(t.Kind == k))
	}
	return n
}

// cut says that e lasts longer than transitions were kept, "" where it does not.
func (s *scope) cut() string {
	all := s.run.result.Transitions
	if len(all) < sim.MaxTransitions || s.e.To != 0 && all[len(all)-1].At >= s.e.To.time() {
		return ""
	}
	return fmt.Sprintf("more than the %d transitions that are kept", sim.MaxTransitions)
}

func (s *scope) answersOf(k core.DecisionKind) (n int64) {
	for _, a := range s.answers {
		n += int64(b2i(a.Kind == k))
	}
	return n
}

// transitionNames and answerNames are the words that expectations use.
func (s *scope) transitionNames() (names []string) {
	for _, t := range s.transitions {
		names = append(names, t.Kind.String())
	}
	return names
}

func (s *scope) answerNames() (names []string) {
	for _, a := range s.answers {
		name := a.Kind.String()
		if a.Cause != core.CauseNone {
			name += " " + a.Cause.String()
		}
		names = append(names, name)
	}
	return names
}

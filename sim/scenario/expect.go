package scenario

import (
	"fmt"
	"slices"
	"strconv"

	"lockstep/core"
)

// Expectation is what must hold from From to To, by the time of a request's
// arrival. Every figure asked for must be within its bound. Placement narrows
// request figures to keys whose home it is, and serving figures to what it
// serves; Endpoint narrows serving figures further. The vocabulary is closed:
// README.md lists it.
type Expectation struct {
	Name      string `yaml:"name"`
	From      Span   `yaml:"from"`
	To        Span   `yaml:"to"` // 0 means the end
	Placement string `yaml:"placement"`
	Endpoint  string `yaml:"endpoint"`

	// What clients saw.
	Requests     Bound            `yaml:"requests"`
	Availability Bound            `yaml:"availability"`  // complete answers below 500, of all requests
	Failed       Bound            `yaml:"failed"`        // all others
	Refused      Bound            `yaml:"refused"`       // of those, refused by the router without trying
	Lost         Bound            `yaml:"lost"`          // of those, the router crashed under them
	Classes      map[string]Bound `yaml:"classes"`       // by label of R16
	Goodput      Bound            `yaml:"goodput"`       // complete answers below 500 per second
	Amplified    Bound            `yaml:"amplification"` // all requests to first requests: 100% is without retries
	P50          Bound            `yaml:"p50"`           // latency of complete answers
	P99          Bound            `yaml:"p99"`
	Failovers    Bound            `yaml:"failovers"` // left their home, served elsewhere or refused
	HomeRefused  Bound            `yaml:"home_refused_because_of_guests"`

	// What placements and endpoints served.
	Served          Bound `yaml:"served"`        // attempts, half-open probes included
	GuestsServed    Bound `yaml:"guests_served"` // of a placement: those that came by failover
	GuestsRefused   Bound `yaml:"guests_refused"`
	InFlight        Bound `yaml:"in_flight"` // highest on one router
	Guests          Bound `yaml:"guests"`    // highest on one router
	Probes          Bound `yaml:"half_open_probes"`
	ProbesAtOnce    Bound `yaml:"half_open_probes_at_once"`    // highest on one router and endpoint
	ProbesPerWindow Bound `yaml:"half_open_probes_per_window"` // highest in one window, all routers together

	// What routers did.
	Opened      Bound    `yaml:"opened"` // breakers, over the fleet
	Closed      Bound    `yaml:"closed"`
	Unhealthy   Bound    `yaml:"unhealthy"`
	Acks        Bound    `yaml:"acks"`
	Nacks       Bound    `yaml:"nacks"`
	Router      int      `yaml:"router"`      // narrows transitions and answers; 0 means all
	Transitions []string `yaml:"transitions"` // exactly these, in order: opened, half_opened, closed, unhealthy, healthy
	Answers     []string `yaml:"answers"`     // to pushes, exactly these, in order: ack, nack stale, nack invalid, ...

	// UnchangedWithout runs the scenario again without its faults or its pushes
	// and asks that the decision about every request is the same: "faults",
	// "pushes", "bursts".
	UnchangedWithout string `yaml:"unchanged_without"`
}

// figure is one entry of the vocabulary.
type figure struct {
	name    string
	unit    Unit
	bound   Bound
	measure func(*scope) int64
}

// figures lists what e asks for, in the order of the struct.
func (e *Expectation) figures() []figure {
	all := append(e.clientFigures(), e.serverFigures()...)
	for _, label := range sortedKeys(e.Classes) {
		class, _ := classOf(label)
		all = append(all, figure{"classes." + label, Count, e.Classes[label], func(s *scope) int64 { return int64(s.counts.ByClass[class]) }})
	}
	return slices.DeleteFunc(all, func(f figure) bool { return !f.bound.Asked() })
}

func (e *Expectation) clientFigures() []figure {
	return []figure{
		{"requests", Count, e.Requests, func(s *scope) int64 { return int64(s.counts.Arrivals) }},
		{"availability", Part, e.Availability, (*scope).availability},
		{"failed", Count, e.Failed, func(s *scope) int64 { return int64(s.counts.Arrivals - s.counts.OK) }},
		{"refused", Count, e.Refused, func(s *scope) int64 { return int64(s.counts.Refused) }},
		{"lost", Count, e.Lost, func(s *scope) int64 { return int64(s.counts.Lost) }},
		{"goodput", Count, e.Goodput, (*scope).goodput},
		{"amplification", Part, e.Amplified, (*scope).amplification},
		{"p50", Time, e.P50, func(s *scope) int64 { return int64(s.counts.Latency.Quantile(500_000)) }},
		{"p99", Time, e.P99, func(s *scope) int64 { return int64(s.counts.Latency.Quantile(990_000)) }},
		{"failovers", Count, e.Failovers, func(s *scope) int64 { return int64(s.failovers) }},
		{"home_refused_because_of_guests", Count, e.HomeRefused, func(s *scope) int64 { return int64(s.homeRefused) }},
	}
}

func (e *Expectation) serverFigures() []figure {
	return []figure{
		{"served", Count, e.Served, func(s *scope) int64 { return int64(s.served) }},
		{"guests_served", Count, e.GuestsServed, func(s *scope) int64 { return int64(s.guestsServed) }},
		{"guests_refused", Count, e.GuestsRefused, func(s *scope) int64 { return int64(s.guestsRefused) }},
		{"in_flight", Count, e.InFlight, func(s *scope) int64 { return int64(s.inFlight) }},
		{"guests", Count, e.Guests, func(s *scope) int64 { return int64(s.guests) }},
		{"half_open_probes", Count, e.Probes, func(s *scope) int64 { return int64(s.probes) }},
		{"half_open_probes_at_once", Count, e.ProbesAtOnce, func(s *scope) int64 { return int64(s.probesAtOnce) }},
		{"half_open_probes_per_window", Count, e.ProbesPerWindow, func(s *scope) int64 { return int64(s.probesPerWindow) }},
		{"opened", Count, e.Opened, func(s *scope) int64 { return s.transitionsOf(core.NoteOpened) }},
		{"closed", Count, e.Closed, func(s *scope) int64 { return s.transitionsOf(core.NoteClosed) }},
		{"unhealthy", Count, e.Unhealthy, func(s *scope) int64 { return s.transitionsOf(core.NoteUnhealthy) }},
		{"acks", Count, e.Acks, func(s *scope) int64 { return s.answersOf(core.Ack) }},
		{"nacks", Count, e.Nacks, func(s *scope) int64 { return s.answersOf(core.Nack) }},
	}
}

func classOf(label string) (core.Class, bool) {
	for c := range core.Class(core.Classes) {
		if c.String() == label && c != core.ClassNone {
			return c, true
		}
	}
	return core.ClassNone, false
}

func sortedKeys(m map[string]Bound) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// expectations checks that every expectation can be judged.
func (b *builder) expectations() {
	if len(b.file.Expect) == 0 {
		b.fail("expect", "there are no expectations", "say what must hold")
	}
	seen := map[string]bool{}
	for i := range b.file.Expect {
		e := &b.file.Expect[i]
		path := "expect[" + strconv.Itoa(i) + "]"
		if e.Name == "" || seen[e.Name] {
			b.fail(path+".name", "is missing or used twice", "give each expectation a name of its own")
		}
		seen[e.Name] = true
		b.known(path, e.Placement, e.Endpoint)
		b.span(e, path)
		b.vocabulary(e, path)
	}
	if t := b.file.Twin; t != nil && !seen[t.MustFail] {
		b.fail("twin.must_fail", strconv.Quote(t.MustFail)+" is not an expectation", "name the one that the twin breaks")
	}
}

// span checks that figures, which are kept by window, can be cut at From and To.
func (b *builder) span(e *Expectation, path string) {
	w := b.file.window()
	if e.From.length()%w != 0 || e.To.length()%w != 0 {
		b.fail(path, fmt.Sprintf("from %s or to %s is not a multiple of the window", Time.format(int64(e.From)), Time.format(int64(e.To))),
			"figures are kept in windows of "+Time.format(int64(w))+": see window")
	}
	if e.To != 0 && e.To <= e.From {
		b.fail(path+".to", "is not after from", "leave it out for the end")
	}
}

func (b *builder) vocabulary(e *Expectation, path string) {
	for _, label := range sortedKeys(e.Classes) {
		if _, ok := classOf(label); !ok {
			b.fail(path+".classes", strconv.Quote(label)+" is not a class", "R16 in core/SPEC.md lists them")
		}
	}
	figures := e.figures()
	for _, f := range figures {
		if f.bound.unit != f.unit && f.bound.value != 0 {
			b.fail(path+"."+f.name, "has the wrong unit: "+f.bound.String(), "write "+f.unit.example())
		}
	}
	switch e.UnchangedWithout {
	case "", "faults", "pushes", "bursts":
	default:
		b.fail(path+".unchanged_without", strconv.Quote(e.UnchangedWithout)+" cannot be left out", "use faults, pushes or bursts")
	}
	if len(figures) == 0 && e.Transitions == nil && e.Answers == nil && e.UnchangedWithout == "" {
		b.fail(path, "asks for nothing", "add a figure, such as availability: \">= 99.9%\"")
	}
}

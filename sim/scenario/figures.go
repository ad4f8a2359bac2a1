package scenario

import (
	"slices"

	"lockstep/core"
)

// figure is one entry of the vocabulary.
type figure struct {
	name    string
	unit    Unit
	bound   Bound
	measure func(*scope) int64
}

// figures lists what e asks for, in the order of the struct.
func (e *Expectation) figures() []figure {
	all := e.vocabulary()
	for _, label := range sortedKeys(e.Classes) {
		class, _ := classOf(label)
		all = append(all, figure{"classes." + label, Count, e.Classes[label], func(s *scope) int64 { return int64(s.counts.ByClass[class]) }})
	}
	return slices.DeleteFunc(all, func(f figure) bool { return !f.bound.Asked() })
}

// vocabulary lists every figure that has a name of its own.
func (e *Expectation) vocabulary() []figure {
	return slices.Concat(e.clientFigures(), e.serverFigures(), e.routerFigures())
}

func (e *Expectation) clientFigures() []figure {
	return []figure{
		{"requests", Count, e.Requests, func(s *scope) int64 { return int64(s.requests()) }},
		{"availability", Part, e.Availability, (*scope).availability},
		{"failed", Count, e.Failed, func(s *scope) int64 { return int64(s.requests() - s.counts.OK) }},
		{"refused", Count, e.Refused, func(s *scope) int64 { return int64(s.counts.Refused) }},
		{"lost", Count, e.Lost, func(s *scope) int64 { return int64(s.counts.Lost) }},
		{"goodput", Count, e.Goodput, (*scope).goodput},
		{"amplification", Part, e.Amplified, (*scope).amplification},
		{"p50", Time, e.P50, quantile(500_000)},
		{"p90", Time, e.P90, quantile(900_000)},
		{"p99", Time, e.P99, quantile(990_000)},
		{"p999", Time, e.P999, quantile(999_000)},
		{"failovers", Count, e.Failovers, func(s *scope) int64 { return int64(s.failovers) }},
		{"home_refused_because_of_guests", Count, e.HomeRefused, func(s *scope) int64 { return int64(s.homeRefused) }},
		{affectedFigure, Part, e.Affected, (*scope).affected},
		{movedFigure, Count, e.Moved, func(s *scope) int64 { return s.run.users.moved(s.e, false) }},
		{backFigure, Count, e.MovedBack, func(s *scope) int64 { return s.run.users.moved(s.e, true) }},
		{"recovery_time", Time, e.RecoveryTime, (*scope).recoveryTime},
	}
}

func (e *Expectation) serverFigures() []figure {
	return []figure{
		{"served", Count, e.Served, func(s *scope) int64 { return int64(s.served) }},
		{"guests_served", Count, e.GuestsServed, func(s *scope) int64 { return int64(s.guestsServed) }},
		{"guests_refused", Count, e.GuestsRefused, func(s *scope) int64 { return int64(s.guestsRefused) }},
		{"in_flight", Count, e.InFlight, func(s *scope) int64 { return int64(s.inFlight) }},
		{"guests", Count, e.Guests, func(s *scope) int64 { return int64(s.guests) }},
		{"half_open_probes", Count, e.Probes, func(s *scope) int64 { return int64(s.probes.all) }},
		{"half_open_probes_at_once", Count, e.ProbesAtOnce, func(s *scope) int64 { return int64(s.probesAtOnce) }},
		{"half_open_probes_per_window", Count, e.ProbesPerWindow, func(s *scope) int64 { return int64(s.probes.peak) }},
		{"health_probes", Count, e.HealthProbes, func(s *scope) int64 { return int64(s.health.all) }},
		{"health_probes_per_window", Count, e.HealthPerWindow, func(s *scope) int64 { return int64(s.health.peak) }},
	}
}

func (e *Expectation) routerFigures() []figure {
	return []figure{
		{"opened", Count, e.Opened, func(s *scope) int64 { return s.transitionsOf(core.NoteOpened) }},
		{"closed", Count, e.Closed, func(s *scope) int64 { return s.transitionsOf(core.NoteClosed) }},
		{"unhealthy", Count, e.Unhealthy, func(s *scope) int64 { return s.transitionsOf(core.NoteUnhealthy) }},
		{"acks", Count, e.Acks, func(s *scope) int64 { return s.answersOf(core.Ack) }},
		{"nacks", Count, e.Nacks, func(s *scope) int64 { return s.answersOf(core.Nack) }},
		{"answers_per_window", Count, e.AnswersPerWindow, (*scope).answersPerWindow},
		{dumpsFigure, Count, e.Dumps, func(s *scope) int64 { return s.run.dumps.count(s.e) }},
	}
}

// judge measures f. A share or a quantile of nothing fails: it would hold any
// bound by chance.
func (f *figure) judge(s *scope, expectation string) Check {
	c := Check{Expectation: expectation, Figure: f.name, Wanted: f.bound.String(), Got: f.void(s)}
	if c.Got == "" {
		got := f.measure(s)
		c.Got, c.OK = f.unit.format(got), f.bound.holds(got)
	}
	if !c.OK && (f.name == "availability" || f.name == "failed") {
		c.Got += s.mostly()
	}
	return c
}

// void says of what nothing f is a share or a quantile, or that it was not
// counted to its end; "" where neither is so.
func (f *figure) void(s *scope) string {
	switch f.name {
	case "availability":
		if s.requests() == 0 {
			return "no requests"
		}
	case "amplification":
		if s.counts.Arrivals == 0 {
			return "no requests"
		}
	case affectedFigure:
		if _, sent := s.run.tenants.affected(s.e); sent == 0 {
			return "no requests"
		}
	case "recovery_time":
		if s.silent() {
			return "no requests"
		}
	case "opened", "closed", "unhealthy":
		return s.cut()
	case "p50", "p90", "p99", "p999":
		if s.counts.Latency.Count() == 0 {
			return "no good answers"
		}
	}
	return ""
}

// Figures that an observer has to count during the run.
const (
	affectedFigure = "tenants_affected"
	dumpsFigure    = "dumps"
)

func quantile(ppm uint32) func(*scope) int64 {
	return func(s *scope) int64 { return int64(s.counts.Latency.Quantile(ppm)) }
}

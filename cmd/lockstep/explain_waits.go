package main

import (
	"fmt"

	"lockstep/core"
	"lockstep/traces"
)

// Requests that wait and come again (R5's queue, R11): what became of those
// that are being explained.

// asked notes, before a step, whether R11 will follow it with a retry.
func (e *explainer) asked(f *traces.Fact, r *core.Router) {
	e.mayRetry = false
	if k := f.Event.Kind; k == core.Finish || k == core.Reply {
		j, ok := r.Journey(f.Event.Handle)
		e.mayRetry = ok && !j.Waiting
		e.retryWhy = r.RetryWhy(f.Time, &f.Event)
		e.budget = r.Budget(f.Time, j.Account)
	}
}

// waits tells the stories of waiting requests what the step decided about them.
func (e *explainer) waits(f *traces.Fact, r *core.Router, decided []core.Decision) {
	h := f.Event.Handle
	if s := e.waiting[h]; s != nil && f.Event.Kind == core.Finish {
		s.Outcome = append(s.Outcome, fmt.Sprintf("%s  gave up waiting, as %s", e.clock(f.Time), f.Event.Class))
		delete(e.waiting, h)
	}
	for i := range decided {
		d := &decided[i]
		s := e.waiting[d.Handle]
		if s == nil || s == e.current {
			continue // that of the request itself has been told
		}
		switch d.Kind {
		case core.Queued:
			s.Outcome = append(s.Outcome, e.queuedText(r, d))
		case core.Forward:
			s.Outcome = append(s.Outcome, fmt.Sprintf("%s  forwarded to %s (R%d), breaker %s%s", e.clock(d.At), endpointName(r, d.Endpoint), d.Rule, d.Circuit, attemptText(d)))
			s.Sent, s.endpoint = true, endpointName(r, d.Endpoint)
			e.flying[d.Handle] = s
			delete(e.waiting, d.Handle)
		case core.Reject:
			s.Outcome = append(s.Outcome, fmt.Sprintf("%s  answered %d, class %s (R%d)", e.clock(d.At), d.Status, d.Class, d.Rule))
			delete(e.waiting, d.Handle)
		}
	}
}

func attemptText(d *core.Decision) string {
	if d.Count < 2 {
		return ""
	}
	return fmt.Sprintf(", attempt %d", d.Count)
}

func (e *explainer) queuedText(r *core.Router, d *core.Decision) string {
	return fmt.Sprintf("%s  waits for room at %s, %d in its queue, until %s at most (R5)", e.clock(d.At), r.Placement(d.Placement).Name, d.Count, e.clock(d.Until))
}

// retried tells of a retry that follows the end of an attempt, or why none does.
func (e *explainer) retried(s *story, decided []core.Decision) {
	if !e.mayRetry {
		return
	}
	budget := ""
	if e.budget.Limit > 0 {
		budget = fmt.Sprintf("; budget: %d under way and %.1f granted lately, of %.1f", e.budget.Retrying, float64(e.budget.Debt)/1e6, float64(e.budget.Limit)/1e6)
	}
	if n := len(decided); n > 0 && decided[n-1].Kind == core.Retry {
		d := &decided[n-1]
		s.Outcome = append(s.Outcome, fmt.Sprintf("%s  attempt %d follows at %s (R11)%s", e.clock(d.At), d.Count, e.clock(d.Until), budget))
		e.waiting[d.Handle] = s
		return
	}
	if e.retryWhy != core.RetryOff && e.retryWhy != core.RetryGranted {
		s.Outcome = append(s.Outcome, fmt.Sprintf("no further attempt: %s (R11)%s", e.retryWhy, budget))
	}
}

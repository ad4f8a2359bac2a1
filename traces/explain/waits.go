package explain

import (
	"fmt"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

// others tells the stories of requests that wait what a step of another event
// decided about them: a Forward, a refusal or a queue (R5, R11), or an abort.
func (t *Teller) others(f *traces.Fact, r *core.Router, decided []core.Decision) {
	for i := range decided {
		d := &decided[i]
		s := t.flying[d.Handle]
		if s != nil && s != t.current {
			t.other(s, f, r, d)
		}
	}
}

func (t *Teller) other(s *Story, f *traces.Fact, r *core.Router, d *core.Decision) {
	after := say.Span(d.At.Sub(s.T))
	switch d.Kind {
	case core.Forward:
		if s.attempts < 2 || d.Count < 2 {
			s.waits = append(s.waits, fmt.Sprintf("It waited %s in the queue, then %s had room for it.", after, r.Placement(d.Placement).Name))
		}
		s.Sent, s.Endpoint, s.number, s.replied = true, endpointName(r, d.Endpoint), d.Endpoint, false
		s.Outcome = append(s.Outcome, fmt.Sprintf("%sforwarded to %s after %s (R%d), breaker %s", s.attempt(d), s.Endpoint, after, d.Rule, d.Circuit))
	case core.Queued:
		s.Outcome = append(s.Outcome, s.queuedText(r, d))
	case core.Reject:
		s.Status, s.Class, s.Duration, s.ended = int(d.Status), d.Class.String(), int64(d.At.Sub(s.T)), true
		s.Outcome = append(s.Outcome, fmt.Sprintf("answered %d after %s, class %s (R%d)", d.Status, after, d.Class, d.Rule))
		s.waits = append(s.waits, refusedLater(s, d, after))
		delete(t.flying, d.Handle)
		delete(t.flights, d.Handle)
	case core.Abort:
		s.Outcome = append(s.Outcome, fmt.Sprintf("aborted after %s, class %s (R%d)", after, d.Class, d.Rule))
		s.waits = append(s.waits, fmt.Sprintf("At the drain's deadline, %s after it came, the router had it cut.", after))
	}
}

// refusedLater says why a request that waited was refused in the end.
func refusedLater(s *Story, d *core.Decision, after string) string {
	switch {
	case d.Class == core.QueueTimeout:
		return fmt.Sprintf("It waited %s in the queue, as long as it may, and its turn did not come.", after)
	case d.Class == core.Draining:
		return fmt.Sprintf("It waited until the drain's deadline, %s after it came.", after)
	case s.attempts > 1:
		return fmt.Sprintf("When attempt %d was due after %s, it was refused as %s.", s.attempts, after, d.Class)
	}
	return fmt.Sprintf("When its turn came after %s, it was refused as %s.", after, d.Class)
}

// attempt begins a line about an attempt that is not the first.
func (s *Story) attempt(d *core.Decision) string {
	if d.Kind == core.Forward && d.Count > 1 {
		s.attempts = int(d.Count)
	}
	if s.attempts > 1 {
		return fmt.Sprintf("attempt %d ", s.attempts)
	}
	return ""
}

// queuedText tells of the begin of a wait in a queue.
func (s *Story) queuedText(r *core.Router, d *core.Decision) string {
	after := ""
	if d.At > s.T {
		after = " after " + say.Span(d.At.Sub(s.T))
	}
	return fmt.Sprintf("%swaits in the queue of %s%s, %d there, until it gives up after %s (R5)",
		s.attempt(d), r.Placement(d.Placement).Name, after, d.Count, say.Span(d.Until.Sub(s.T)))
}

// again tells how an attempt ended that another follows.
func (t *Teller) again(s *Story, f *traces.Fact, r *core.Router, d *core.Decision, decided []core.Decision) {
	what := d.Class.String()
	if f.Event.Status >= 500 {
		what = fmt.Sprint(f.Event.Status)
	}
	s.attempts = int(d.Count)
	s.Outcome = append(s.Outcome, fmt.Sprintf("%s after %s: %s (R7)%s; attempt %d is due %s later (R11)%s   step %s",
		what, say.Span(f.Time.Sub(s.T)), t.effectText(s, r, d.Class), breakerText(decided), d.Count, say.Span(d.Until.Sub(f.Time)), t.past.ended.budgetText(), say.Count(f.Step)))
	s.waits = append(s.waits, fmt.Sprintf("Attempt %d at %s ended as %s, so attempt %d followed (R11).", d.Count-1, s.Endpoint, what, d.Count))
}

// noMore says why no retry follows a failure of a request that may have some.
func (t *Teller) noMore(class core.Class) string {
	end := &t.past.ended
	if class == core.ClassNone || !end.journey || end.waited || end.retry == core.RetryGranted || end.retry == core.RetryOff {
		return ""
	}
	return "; no more: " + end.retry.String() + " (R11)" + end.budgetText()
}

// budgetText is what its placement's retries had spent when R11 was asked, "" without a budget.
func (e *ending) budgetText() string {
	b := &e.budget
	if b.Limit == 0 {
		return ""
	}
	return fmt.Sprintf("; budget: %d under way and %.1f granted lately, of %.1f", b.Retrying, float64(b.Debt)/1e6, float64(b.Limit)/1e6)
}

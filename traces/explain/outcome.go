package explain

import (
	"fmt"

	"lockstep/core"
	"lockstep/traces"
	"lockstep/traces/say"
)

// replied tells of a Reply: the outcome was booked while the body still flowed.
func (t *Teller) replied(s *Story, f *traces.Fact, r *core.Router, decided []core.Decision) {
	s.Status = int(f.Event.Status)
	after := say.Span(f.Time.Sub(s.T))
	if t.past.ended.journey && s.Status >= 500 { // R11 was asked before any of it went to the client
		s.Outcome = append(s.Outcome, fmt.Sprintf("%d after %s: %s (R7)%s%s", s.Status, after,
			t.effectText(s, r, core.Upstream5xx), breakerText(decided), t.noMore(core.Upstream5xx)))
		s.ending = failedText(s, core.Upstream5xx, after) + t.whyNoMore(core.Upstream5xx) + "."
	} else {
		s.Outcome = append(s.Outcome, fmt.Sprintf("%d after %s; its body still flowed, so the outcome was booked then%s", s.Status, after, breakerText(decided)))
		if s.Status >= 500 {
			s.ending = failedText(s, core.Upstream5xx, after) + "."
		}
	}
	s.replied = true
}

// finished tells how the attempt ended.
func (t *Teller) finished(s *Story, f *traces.Fact, r *core.Router, decided []core.Decision) {
	ev := &f.Event
	after := say.Span(f.Time.Sub(s.T))
	s.Duration = int64(f.Time.Sub(s.T))
	class := outcomeClass(ev)
	if ev.Status != 0 {
		s.Status = int(ev.Status)
	}
	if row := class.Row(); row.Status != 0 {
		s.Status = int(row.Status)
	}
	s.ended = true
	if class != core.ClassNone {
		s.Class = class.String()
	}
	switch {
	case t.past.ended.waited:
		s.waits = append(s.waits, fmt.Sprintf("The client went away after %s, while it waited.", after))
	case class != core.ClassNone && !(s.replied && class == core.Upstream5xx):
		s.ending = failedText(s, class, after) + t.whyNoMore(class) + "."
	}
	s.Outcome = append(s.Outcome, fmt.Sprintf("%s after %s: %s (R7)%s%s   step %s",
		outcomeText(class), after, t.effectText(s, r, class), breakerText(decided), t.noMore(class), say.Count(f.Step)))
	if class.Effect() == core.EffectFailure && !t.past.ended.waited {
		t.insteadRetry(s, f)
		s.Before = t.past.timeline(s.placements, f.Step, f.Time, t.clock) // what happened until it failed explains it too
	}
	s.state = nil
}

// outcomeText names how an attempt ended.
func outcomeText(class core.Class) string {
	if class == core.ClassNone {
		return "complete"
	}
	return class.String()
}

// failedText says in words how an attempt ended that did not end well.
func failedText(s *Story, class core.Class, after string) string {
	e := s.Endpoint
	switch class {
	case core.DNS:
		return fmt.Sprintf("The name of %s did not resolve, found after %s", e, after)
	case core.ConnectRefused:
		return fmt.Sprintf("%s refused the connection after %s", e, after)
	case core.ConnectTimeout:
		return fmt.Sprintf("%s took no connection in time, %s after the request came", e, after)
	case core.TLS:
		return fmt.Sprintf("The TLS handshake with %s failed after %s", e, after)
	case core.ResetBeforeResponse:
		return fmt.Sprintf("The connection to %s broke after %s, before a response", e, after)
	case core.ResponseTimeout:
		return fmt.Sprintf("%s sent no response header in time, %s after the request came", e, after)
	case core.BadResponse:
		return fmt.Sprintf("What %s sent after %s was not HTTP", e, after)
	case core.Upstream5xx:
		if s.Status == 0 {
			return fmt.Sprintf("%s itself answered with an error of 500 or above after %s", e, after)
		}
		return fmt.Sprintf("%s itself answered %d after %s", e, s.Status, after)
	case core.BrokenBody:
		return fmt.Sprintf("The response body of %s broke after %s", e, after)
	case core.BodyTimeout:
		return fmt.Sprintf("The response body of %s stood still; it was cut after %s", e, after)
	case core.ClientGone:
		return fmt.Sprintf("The client went away after %s, while %s had the request", after, e)
	case core.Draining:
		return fmt.Sprintf("The router stopped: the attempt at %s was cut after %s, at the drain's deadline", e, after)
	}
	return fmt.Sprintf("The attempt at %s ended as %s after %s", e, class, after)
}

// effectText says what the end of an attempt means for its endpoint.
func (t *Teller) effectText(s *Story, r *core.Router, class core.Class) string {
	end := &t.past.ended
	effect := class.Effect()
	switch {
	case s.replied && class != core.BrokenBody && class != core.BodyTimeout:
		return "nothing more to book"
	case effect == core.EffectOK:
		return "counts as ok"
	case effect == core.EffectFailure && end.failed:
		return "does not count, an earlier attempt of this request has"
	case effect == core.EffectFailure && end.known && !end.attempt.Current:
		return "does not count, the breaker has changed since the attempt began"
	case effect == core.EffectFailure:
		return "counts against the endpoint" + inRow(r, s.number)
	}
	return "does not count"
}

// inRow says how far an endpoint is from tripping by failures in a row.
func inRow(r *core.Router, n int32) string {
	e := r.Endpoint(n)
	if e.Index < 0 || e.Breaker != core.Closed || e.Failures == 0 {
		return ""
	}
	b := r.Config().Placement(r.Config().Endpoint(e.Index).Placement).Breaker
	if b.Off || b.Failures == core.NeverConsecutive {
		return ""
	}
	return fmt.Sprintf(", failure %d of the %d in a row that open its breaker", e.Failures, b.Failures)
}

// breakerText tells what an outcome did to the breaker.
func breakerText(decided []core.Decision) string {
	for i := range decided {
		switch d := &decided[i]; d.Kind {
		case core.NoteOpened:
			return "; it opened the breaker" + say.Trip(d.Trip)
		case core.NoteClosed:
			return "; it closed the breaker"
		case core.NoteTripCapped:
			return "; it would have opened the breaker" + say.Trip(d.Trip) + ", but too many are open"
		case core.NoteIgnored:
			return "; ignored: " + d.Cause.String()
		}
	}
	return ""
}

// whyNoMore says in a sentence why no retry follows a failure.
func (t *Teller) whyNoMore(class core.Class) string {
	end := &t.past.ended
	switch {
	case class.Effect() != core.EffectFailure || end.waited || class == core.BrokenBody || class == core.BodyTimeout:
		return ""
	case !end.journey || end.retry == core.RetryOff:
		return "; its home has no retries"
	case end.retry == core.RetryGranted:
		return ""
	}
	return "; no retry follows: " + end.retry.String()
}

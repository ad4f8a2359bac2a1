package tracing

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// AttemptEnded implements httpproxy.Observer.
func (t *Tracer) AttemptEnded(q *httpproxy.Request, a *httpproxy.Attempt) {
	s, ok := a.Span.(trace.Span)
	if !ok {
		return
	}
	at := decision(make([]attribute.KeyValue, 0, 12), &a.Admission)
	at = append(at,
		attribute.String("lockstep.class", className(a.Class)),
		attribute.Bool("lockstep.sent", a.Sent),
		attribute.Int("lockstep.attempt", q.Attempts))
	if a.Status > 0 {
		at = append(at, attribute.Int("http.response.status_code", a.Status))
	}
	s.SetAttributes(at...)
	if a.Class != core.ClassNone && a.Class.Effect() == core.EffectFailure {
		s.SetStatus(codes.Error, a.Class.String())
	}
	s.End(trace.WithTimestamp(a.Begun.Add(a.Took)))
}

// Waited implements httpproxy.Observer: a wait is a span of its own below the
// request's, "backoff" before a retry and "queue" for a place, one after the other.
func (t *Tracer) Waited(q *httpproxy.Request, w *httpproxy.Wait) {
	above, ok := q.Span.(*span)
	if !ok || !above.IsRecording() {
		return
	}
	turn := w.Begun.Add(w.Took - w.Queued)
	if w.Admission.Kind == core.Retry {
		t.wait(above, "backoff", &w.Admission, w.Begun, turn)
	}
	if w.Queued > 0 {
		t.wait(above, "queue", &w.Next, turn, w.Begun.Add(w.Took))
	}
}

func (t *Tracer) wait(above *span, name string, a *driver.Admission, begun, ended time.Time) {
	_, s := t.tracer.Start(trace.ContextWithSpan(context.Background(), above.Span), name, trace.WithTimestamp(begun))
	at := make([]attribute.KeyValue, 0, 2)
	if a.Target != nil && a.PlacementName != "" {
		at = append(at, attribute.String("lockstep.placement", a.PlacementName))
	}
	if a.Kind == core.Reject {
		at = append(at, attribute.String("lockstep.class", className(a.Class)))
		s.SetStatus(codes.Error, className(a.Class))
	}
	s.SetAttributes(at...)
	s.End(trace.WithTimestamp(ended))
}

// RequestEnded implements httpproxy.Observer.
func (t *Tracer) RequestEnded(q *httpproxy.Request) {
	s, ok := q.Span.(*span)
	if !ok || !s.IsRecording() {
		return
	}
	at := decision(make([]attribute.KeyValue, 0, 20), &q.Admission)
	at = append(at,
		attribute.String("http.request.method", method(q.HTTP.Method)),
		attribute.String("url.path", q.HTTP.URL.Path),
		attribute.Int("http.response.status_code", q.Status),
		attribute.String("lockstep.request_id", q.ID),
		attribute.String("lockstep.class", className(q.Class)),
		attribute.Int("lockstep.attempts", q.Attempts))
	if q.HTTP.ProtoMajor > 0 { // else it was refused before that was known
		at = append(at, attribute.String("network.protocol.version", version(q.HTTP.ProtoMajor, q.HTTP.ProtoMinor)))
	}
	if q.Route != "" {
		at = append(at, attribute.String("lockstep.route", q.Route))
	}
	if q.KeySource != "" {
		at = append(at, attribute.String("lockstep.key_source", q.KeySource))
	}
	if q.BackOff > 0 {
		at = append(at, attribute.Float64("lockstep.backoff_seconds", q.BackOff.Seconds()))
	}
	if q.Queued > 0 {
		at = append(at, attribute.Float64("lockstep.queued_seconds", q.Queued.Seconds()))
	}
	s.SetAttributes(at...)
	if q.Status >= 500 {
		s.SetStatus(codes.Error, className(q.Class))
	}
	s.End(trace.WithTimestamp(q.Begun.Add(q.Took)))
}

// decision adds what the router decided.
func decision(at []attribute.KeyValue, a *driver.Admission) []attribute.KeyValue {
	if a.Target == nil {
		return at
	}
	at = append(at,
		attribute.Int64("lockstep.step", int64(a.Step)),
		attribute.Int64("lockstep.epoch", int64(a.InForce.Number)))
	for _, one := range [...]struct{ name, value string }{
		{"lockstep.placement", a.PlacementName},
		{"lockstep.endpoint", endpoint(a.URL)},
		{"lockstep.reason", a.Reason.String()},
		{"lockstep.failover", a.Failover.String()},
		{"lockstep.circuit_state", a.Circuit.String()},
	} {
		if one.value != "" {
			at = append(at, attribute.String(one.name, one.value))
		}
	}
	return at
}

// className is a class's label, "ok" for none.
func className(c core.Class) string {
	if c == core.ClassNone {
		return "ok"
	}
	return c.String()
}

// method is the request's method as the conventions of OpenTelemetry want it.
func method(m string) string {
	if spanName(m) == "HTTP" {
		return "_OTHER"
	}
	return m
}

// endpoint is an endpoint's URL without what may be secret in it.
func endpoint(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	u.User = nil
	return u.String()
}

func version(major, minor int) string {
	if major >= 2 {
		return strconv.Itoa(major)
	}
	return strconv.Itoa(major) + "." + strconv.Itoa(minor)
}

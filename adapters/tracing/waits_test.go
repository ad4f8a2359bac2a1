package tracing_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/codes"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/memnet"
	"lockstep/adapters/tracing"
	"lockstep/core"
)

func TestAWaitIsASpanForItsBackOffAndOneForItsQueue(t *testing.T) {
	k := new(keeping)
	tracer, _ := newTracer(t, tracing.Options{Sample: 1_000_000, Exporter: k})
	q := request("")
	tracer.RequestBegun(q)
	retry, forward, late := admission(), admission(), admission()
	retry.Kind, late.Kind, late.Class = core.Retry, core.Reject, core.QueueTimeout
	waits := []httpproxy.Wait{
		{Admission: retry, Begun: q.Begun, Took: 3 * time.Second, Queued: time.Second, Next: forward},
		{Admission: retry, Begun: q.Begun, Took: time.Second, Next: forward},
		{Admission: forward, Begun: q.Begun, Took: time.Second, Queued: time.Second, Next: late}, // as after Queued
	}
	for i := range waits {
		tracer.Waited(q, &waits[i])
	}
	tracer.RequestEnded(q)
	tracer.Close(context.Background())
	want := []struct {
		name       string
		from, took time.Duration
		failed     bool
	}{
		{"backoff", 0, 2 * time.Second, false},
		{"queue", 2 * time.Second, time.Second, false},
		{"backoff", 0, time.Second, false},
		{"queue", 0, time.Second, true},
	}
	if len(k.spans) != len(want)+1 {
		t.Fatalf("%d spans, want %d and the request's", len(k.spans), len(want))
	}
	top := k.spans[len(want)]
	for i, w := range want {
		s := k.spans[i]
		if s.Name() != w.name || s.StartTime().Sub(q.Begun) != w.from || s.EndTime().Sub(s.StartTime()) != w.took || (s.Status().Code == codes.Error) != w.failed {
			t.Errorf("span %d: %s from %v for %v, %v; want %+v", i, s.Name(), s.StartTime().Sub(q.Begun), s.EndTime().Sub(s.StartTime()), s.Status().Code, w)
		}
		if s.Parent().SpanID() != top.SpanContext().SpanID() || attributes(s)["lockstep.placement"].AsString() != "visa" {
			t.Errorf("span %d is below %v, at %v", i, s.Parent().SpanID(), attributes(s))
		}
	}
}

func TestTheWaitOfAnUnsampledRequestIsNoSpan(t *testing.T) {
	k := new(keeping)
	tracer, _ := newTracer(t, tracing.Options{Sample: -1, Exporter: k})
	q := request("")
	tracer.RequestBegun(q)
	tracer.Waited(q, &httpproxy.Wait{Admission: admission(), Queued: time.Second, Next: admission()})
	tracer.RequestEnded(q)
	tracer.Close(context.Background())
	if len(k.spans) != 0 {
		t.Errorf("%d spans", len(k.spans))
	}
}

func TestEachAttemptOfARetriedRequestTellsItsUpstreamOfItsOwnSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := new(keeping)
		tracer, _ := newTracer(t, tracing.Options{Sample: 1_000_000, Exporter: k})
		var network memnet.Network
		told := map[string]string{}
		serve := func(address string, status int) {
			s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				told[address] = r.Header.Get("Traceparent")
				w.WriteHeader(status)
			})}
			go s.Serve(network.Listen(address))
			t.Cleanup(func() { s.Close() })
		}
		serve("a:80", 503)
		serve("b:80", 200)
		c, err := core.Compile(core.Spec{Version: "1", Default: "p", Placements: []core.PlacementSpec{{
			Name: "p", Health: core.HealthSpec{Off: true}, Select: core.First, Retries: core.RetrySpec{Max: 1},
			Endpoints: []core.EndpointSpec{{URL: "http://a:80"}, {URL: "http://b:80"}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		d := driver.New(driver.Options{})
		trip := httpproxy.NewRoundTripper(d, httpproxy.Options{Dial: network.Dial, Observer: tracer})
		d.Handle(trip.Deliver)
		d.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone)
		d.Run(t.Context())
		defer d.Close()
		r, _ := http.NewRequest("GET", "http://p/", nil)
		r.Header.Set("X-Routing-Key", "any")
		res, err := trip.RoundTrip(r)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%v, %v", res, err)
		}
		res.Body.Close()
		trip.CloseIdleConnections()
		synctest.Wait()
		tracer.Close(context.Background())
		names := []string{}
		for _, s := range k.spans {
			names = append(names, s.Name())
			if at, ok := attributes(s)["lockstep.attempt"]; ok {
				want := "00-" + s.SpanContext().TraceID().String() + "-" + s.SpanContext().SpanID().String() + "-01"
				if got := told[map[int64]string{1: "a:80", 2: "b:80"}[at.AsInt64()]]; got != want {
					t.Errorf("attempt %d told %q, its span is %q", at.AsInt64(), got, want)
				}
			}
		}
		if len(k.spans) != 4 || told["a:80"] == told["b:80"] {
			t.Errorf("spans %v, want two attempts, the back-off and the request", names)
		}
	})
}

package tracing_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/tracing"
	"lockstep/core"
)

const (
	theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	quiet  = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

var anybody = func(*http.Request) bool { return true }

func newTracer(t testing.TB, o tracing.Options) (*tracing.Tracer, *tracetest.InMemoryExporter) {
	memory := tracetest.NewInMemoryExporter()
	if o.Exporter == nil {
		o.Exporter = memory
	}
	o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	tracer, err := tracing.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tracer.Close(context.Background()) })
	return tracer, memory
}

// keeping keeps what the tracer hands over when it closes.
type keeping struct{ spans []sdk.ReadOnlySpan }

func (k *keeping) ExportSpans(_ context.Context, s []sdk.ReadOnlySpan) error {
	k.spans = append(k.spans, s...)
	return nil
}
func (k *keeping) Shutdown(context.Context) error { return nil }

func request(traceparent string) *httpproxy.Request {
	r := httptest.NewRequest("GET", "/orders?secret=1", nil)
	if traceparent != "" {
		r.Header.Set("Traceparent", traceparent)
		r.Header.Set("Tracestate", "vendor=1")
	}
	return &httpproxy.Request{HTTP: r, ID: "id-1", Begun: time.Unix(100, 0)}
}

func admission() driver.Admission {
	return driver.Admission{
		Decision: core.Decision{Kind: core.Forward, Reason: core.ReasonDedicated, Failover: core.FailoverCircuitOpen, Circuit: core.Closed},
		Target:   &driver.Target{PlacementName: "visa", URL: "http://u:p@visa:80"}, Step: 7, InForce: core.Epoch{Number: 3},
	}
}

// play sends a request with those attempts through the tracer, and returns what each attempt sent upstream.
func play(t *tracing.Tracer, q *httpproxy.Request, classes ...core.Class) (sent []http.Header) {
	t.RequestBegun(q)
	for _, c := range classes {
		a := &httpproxy.Attempt{Admission: admission(), Begun: q.Begun, Header: q.HTTP.Header.Clone(), Status: 200}
		q.Attempts++
		t.AttemptBegun(q, a)
		a.Class, a.Took = c, time.Second
		if c != core.ClassNone {
			a.Status = 0
		}
		t.AttemptEnded(q, a)
		sent = append(sent, a.Header)
	}
	q.Admission, q.Status, q.Took = admission(), 200, 2*time.Second
	t.RequestEnded(q)
	return sent
}

func attributes(s sdk.ReadOnlySpan) map[string]attribute.Value {
	out := map[string]attribute.Value{}
	for _, a := range s.Attributes() {
		out[string(a.Key)] = a.Value
	}
	return out
}

func TestARequestIsOneSpanAndEachAttemptOneBelowIt(t *testing.T) {
	k := new(keeping)
	tracer, _ := newTracer(t, tracing.Options{Sample: 1_000_000, Exporter: k})
	q := request("")
	sent := play(tracer, q, core.ConnectRefused, core.ClassNone)
	tracer.Close(context.Background())
	if len(k.spans) != 3 {
		t.Fatalf("%d spans, want two attempts and the request", len(k.spans))
	}
	first, second, top := k.spans[0], k.spans[1], k.spans[2]
	for i, s := range []sdk.ReadOnlySpan{first, second} {
		if s.Parent().SpanID() != top.SpanContext().SpanID() || s.SpanKind() != trace.SpanKindClient {
			t.Errorf("attempt %d is a %v below %v, want a client's below the request", i, s.SpanKind(), s.Parent().SpanID())
		}
		want := "00-" + top.SpanContext().TraceID().String() + "-" + s.SpanContext().SpanID().String() + "-01"
		if got := sent[i].Get("Traceparent"); got != want {
			t.Errorf("attempt %d sent %s, want its own span %s", i, got, want)
		}
	}
	if first.Status().Code != codes.Error || second.Status().Code == codes.Error {
		t.Errorf("statuses %v and %v, want error for the refused connection alone", first.Status(), second.Status())
	}
	if top.SpanKind() != trace.SpanKindServer || top.EndTime().Sub(top.StartTime()) != 2*time.Second {
		t.Errorf("request: %v of %v", top.SpanKind(), top.EndTime().Sub(top.StartTime()))
	}
	if q.TraceID != [16]byte(top.SpanContext().TraceID()) || !q.Sampled {
		t.Error("the request does not know its trace")
	}
}

func TestSpansTellTheDecisionAndNothingSecret(t *testing.T) {
	k := new(keeping)
	tracer, _ := newTracer(t, tracing.Options{Sample: 1_000_000, Exporter: k})
	play(tracer, request(""), core.ClassNone)
	tracer.Close(context.Background())
	top := attributes(k.spans[1])
	for name, want := range map[string]string{
		"lockstep.placement": "visa", "lockstep.endpoint": "http://visa:80", "lockstep.class": "ok", "lockstep.reason": "dedicated",
		"lockstep.failover": "circuit_open", "lockstep.circuit_state": "closed", "lockstep.request_id": "id-1",
		"lockstep.step": "7", "lockstep.epoch": "3", "lockstep.attempts": "1",
		"http.request.method": "GET", "url.path": "/orders", "http.response.status_code": "200", "network.protocol.version": "1.1",
	} {
		if got := top[name].String(); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, v := range top {
		if strings.Contains(v.String(), "secret") || strings.Contains(v.String(), "u:p@") {
			t.Errorf("%s is %q", name, v.String())
		}
	}
}

func TestATrustedClientsTraceIsJoinedAndItsStatePassedOn(t *testing.T) {
	k := new(keeping)
	tracer, _ := newTracer(t, tracing.Options{Sample: -1, Exporter: k, Trust: anybody})
	sent := play(tracer, request(theirs), core.ClassNone)
	tracer.Close(context.Background())
	if len(k.spans) != 2 || k.spans[1].Parent().SpanID().String() != "b7ad6b7169203331" {
		t.Fatalf("%d spans, want two below the client's, which is sampled", len(k.spans))
	}
	if !strings.HasPrefix(sent[0].Get("Traceparent"), "00-0af7651916cd43dd8448eb211c80319c-") || sent[0].Get("Tracestate") != "vendor=1" {
		t.Errorf("sent on %v", sent[0])
	}
}

func TestAClientThatIsNotTrustedDecidesNothing(t *testing.T) {
	k := new(keeping)
	tracer, _ := newTracer(t, tracing.Options{Sample: -1, Exporter: k})
	sent := play(tracer, request(theirs), core.ClassNone)
	tracer.Close(context.Background())
	if len(k.spans) != 0 {
		t.Errorf("%d spans because a stranger asked for them", len(k.spans))
	}
	if p := sent[0].Get("Traceparent"); strings.Contains(p, "0af7651916cd43dd") || !strings.HasSuffix(p, "-00") {
		t.Errorf("sent on %q, want a trace of our own that is not sampled", p)
	}
	if s := sent[0]["Tracestate"]; s != nil {
		t.Errorf("sent on the stranger's tracestate %q", s)
	}
}

func TestAnUnsampledRequestPassesAValidHeaderOn(t *testing.T) {
	tracer, memory := newTracer(t, tracing.Options{Sample: 1_000_000, Trust: anybody})
	sent := play(tracer, request(quiet), core.ClassNone)
	if len(memory.GetSpans()) != 0 {
		t.Error("a trusted client said that its trace is not sampled, and it was")
	}
	if !regexp.MustCompile(`^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00$`).MatchString(sent[0].Get("Traceparent")) {
		t.Errorf("sent on %q", sent[0].Get("Traceparent"))
	}
}

func TestABrokenTraceparentBeginsANewTrace(t *testing.T) {
	tracer, _ := newTracer(t, tracing.Options{Sample: -1, Trust: anybody})
	for _, bad := range []string{"00-0-0-01", "garbage", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"} {
		sent := play(tracer, request(bad), core.ClassNone)
		if p := sent[0].Get("Traceparent"); !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-00$`).MatchString(p) || strings.Contains(p, "b7ad6b7169203331") {
			t.Errorf("after %q sent on %q", bad, p)
		}
	}
}

func TestTheShareOfTracesIsTheOneAskedFor(t *testing.T) {
	tracer, _ := newTracer(t, tracing.Options{Sample: 200_000})
	kept := 0
	const n = 2000
	for range n {
		q := request("")
		play(tracer, q)
		if q.Sampled {
			kept++
		}
	}
	if kept < n/5-90 || kept > n/5+90 { // five standard deviations
		t.Errorf("kept %d of %d, want a fifth", kept, n)
	}
}

func TestAMadeUpMethodIsNotASpansName(t *testing.T) {
	k := new(keeping)
	tracer, _ := newTracer(t, tracing.Options{Sample: 1_000_000, Exporter: k})
	for _, m := range []string{"POST", "GET HEAD", "BREW"} {
		q := request("")
		q.HTTP.Method = m
		play(tracer, q)
	}
	tracer.Close(context.Background())
	var names []string
	for _, s := range k.spans {
		names = append(names, s.Name()+" "+attributes(s)["http.request.method"].String())
	}
	if want := []string{"POST POST", "HTTP _OTHER", "HTTP _OTHER"}; !slices.Equal(names, want) {
		t.Errorf("named %q, want %q", names, want)
	}
}

func TestSpansReachACollectorByOTLP(t *testing.T) {
	got := make(chan string, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + r.Header.Get("Content-Type") + " " + string(body)
	}))
	defer collector.Close()
	tracer, err := tracing.New(tracing.Options{URL: collector.URL, Sample: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	play(tracer, request(""), core.ClassNone)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := <-got
	if !strings.HasPrefix(text, "/v1/traces application/x-protobuf ") || !strings.Contains(text, "lockstep.placement") || !strings.Contains(text, "service.name") {
		t.Errorf("the collector got %q", text)
	}
}

func TestABadCollectorURLSaysWhatToWrite(t *testing.T) {
	for _, bad := range []string{"127.0.0.1:4318", "ftp://x", "http://", "::"} {
		if _, err := tracing.New(tracing.Options{URL: bad}); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:4318") {
			t.Errorf("%q: %v, want an error with an example", bad, err)
		}
	}
}

func TestAnUnsampledRequestAllocatesLittle(t *testing.T) {
	tracer, _ := newTracer(t, tracing.Options{Sample: -1, Exporter: new(nothing)})
	q, a := request(""), &httpproxy.Attempt{Admission: admission(), Header: http.Header{}}
	n := testing.AllocsPerRun(1000, func() {
		tracer.RequestBegun(q)
		tracer.AttemptBegun(q, a)
		tracer.AttemptEnded(q, a)
		tracer.RequestEnded(q)
	})
	if n > 8 {
		t.Errorf("%v allocations, want at most 8: the span, its context, what is passed on", n)
	}
}

// BenchmarkUnsampled is what tracing adds to a request that it does not keep.
func BenchmarkUnsampled(b *testing.B) { benchmark(b, -1) }

// BenchmarkSampled is what it adds to one that it keeps, without the export.
func BenchmarkSampled(b *testing.B) { benchmark(b, 1_000_000) }

func benchmark(b *testing.B, sample int) {
	tracer, _ := newTracer(b, tracing.Options{Sample: sample, Exporter: new(nothing)})
	q := request("")
	h := http.Header{}
	adm := admission()
	b.ReportAllocs()
	for b.Loop() {
		tracer.RequestBegun(q)
		a := &httpproxy.Attempt{Admission: adm, Header: h}
		tracer.AttemptBegun(q, a)
		tracer.AttemptEnded(q, a)
		q.Admission = adm
		tracer.RequestEnded(q)
	}
}

type nothing struct{}

func (nothing) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return nil }
func (nothing) Shutdown(context.Context) error                        { return nil }

package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"lockstep/adapters/httpproxy"
)

// Options are what a Tracer is made with.
type Options struct {
	// URL is the collector's, http or https; without a path /v1/traces is meant.
	// "" means what OTEL_EXPORTER_OTLP_ENDPOINT or its relatives say. The other
	// OTEL_EXPORTER_OTLP variables (headers, certificate, timeout) count as well.
	URL string
	// Sample is the share of traces that begin here and are kept, in parts per
	// million; those of a trusted client are kept if it says so. 0 means what
	// OTEL_TRACES_SAMPLER says, else 10 000 (1 %); negative keeps none.
	Sample int
	// Trust says whether a request's traceparent is believed; nil believes none.
	Trust func(*http.Request) bool
	// Version is the program's.
	Version string
	// Exporter takes the spans in place of OTLP; for tests.
	Exporter sdk.SpanExporter
	// Log gets what the exporter complains of; nil means slog.Default.
	Log *slog.Logger
}

const defaultSample = 10_000 // parts per million

// Tracer makes spans; it is an httpproxy.Observer.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	trust    func(*http.Request) bool
}

// Configured reports whether the environment names a collector.
func Configured() bool {
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// New returns a tracer. It connects to nothing yet; an error is about the
// options. It sets OpenTelemetry's global error handler, the only place where
// an exporter says that spans are lost.
func New(o Options) (*Tracer, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	exporter := o.Exporter
	if exporter == nil {
		var err error
		if exporter, err = otlp(o.URL); err != nil {
			return nil, err
		}
	}
	about, err := resource.Merge(
		resource.NewSchemaless(attribute.String("service.name", "lockstep"), attribute.String("service.version", o.Version)),
		resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("reading OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	log := o.Log
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("tracing", "error", err) }))
	options := []sdk.TracerProviderOption{sdk.WithBatcher(exporter), sdk.WithResource(about)}
	if o.Sample != 0 || os.Getenv("OTEL_TRACES_SAMPLER") == "" {
		options = append(options, sdk.WithSampler(sampler(o.Sample)))
	}
	t := &Tracer{provider: sdk.NewTracerProvider(options...), trust: o.Trust}
	t.tracer = t.provider.Tracer("lockstep")
	return t, nil
}

func sampler(perMillion int) sdk.Sampler {
	if perMillion == 0 {
		perMillion = defaultSample
	}
	return sdk.ParentBased(sdk.TraceIDRatioBased(float64(max(0, perMillion)) / 1_000_000))
}

// otlp returns the exporter to a collector.
func otlp(text string) (sdk.SpanExporter, error) {
	var options []otlptracehttp.Option
	if text != "" {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("the collector's URL %q is not an absolute http or https URL; write http://127.0.0.1:4318", text)
		}
		if u.Path == "" || u.Path == "/" {
			u.Path = "/v1/traces"
		}
		options = append(options, otlptracehttp.WithEndpointURL(u.String()))
	}
	e, err := otlptracehttp.New(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("making the OTLP exporter: %w", err)
	}
	return e, nil
}

// Close sends what is left, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// span is what a request carries from begin to end.
type span struct {
	trace.Span
	state string // tracestate to pass on
}

// RequestBegun implements httpproxy.Observer.
func (t *Tracer) RequestBegun(q *httpproxy.Request) {
	ctx, state := t.parent(q.HTTP)
	_, s := t.tracer.Start(ctx, spanName(q.HTTP.Method), trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(q.Begun))
	q.TraceID, q.Sampled = s.SpanContext().TraceID(), s.SpanContext().IsSampled()
	q.Span = &span{s, state}
}

// parent is the context that a request's span belongs to, and its tracestate.
func (t *Tracer) parent(r *http.Request) (context.Context, string) {
	ctx := context.Background()
	if t.trust == nil || len(r.Header["Traceparent"]) == 0 || !t.trust(r) {
		return ctx, ""
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	return ctx, trace.SpanContextFromContext(ctx).TraceState().String()
}

// AttemptBegun implements httpproxy.Observer: the upstream is told of the
// attempt's span, or of the request's when nothing is recorded.
func (t *Tracer) AttemptBegun(q *httpproxy.Request, a *httpproxy.Attempt) {
	above, ok := q.Span.(*span)
	if !ok {
		return
	}
	at := above.Span
	if above.IsRecording() {
		ctx := trace.ContextWithSpan(context.Background(), above.Span)
		_, at = t.tracer.Start(ctx, spanName(q.HTTP.Method), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(a.Begun))
		a.Span = at
	}
	// What this request's client sent is not added to, it is replaced.
	a.Header["Traceparent"] = []string{traceparent(at.SpanContext())}
	delete(a.Header, "Tracestate")
	if above.state != "" {
		a.Header["Tracestate"] = []string{above.state}
	}
}

// traceparent is the W3C header, version 00.
func traceparent(c trace.SpanContext) string {
	const zeros = "00-00000000000000000000000000000000-0000000000000000-00"
	b := []byte(zeros)
	id, span := c.TraceID(), c.SpanID()
	hexInto(b[3:], id[:])
	hexInto(b[36:], span[:])
	if c.IsSampled() {
		b[len(b)-1] = '1'
	}
	return string(b)
}

func hexInto(dst, src []byte) {
	const digits = "0123456789abcdef"
	for i, v := range src {
		dst[2*i], dst[2*i+1] = digits[v>>4], digits[v&15]
	}
}

// spanName is the method, unless a client made it up.
func spanName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete,
		http.MethodPatch, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "HTTP"
}

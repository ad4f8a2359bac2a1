package metrics

import (
	"encoding/hex"
	"net/http"
	"runtime"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"lockstep/adapters/driver"
	"lockstep/adapters/edge"
	"lockstep/adapters/flightrec"
	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// Options are what Metrics are made of. Every field may be left out: its
// metrics are then 0, or missing where 0 would be a claim.
type Options struct {
	// Router is what requests go through and what gauges are read from.
	Router *driver.Driver
	// Decisions counts what the router decided.
	Decisions *Decisions
	// Recorder tells what the recording has lost.
	Recorder func() flightrec.Stats
	// LogLost tells how many writes of the access log failed.
	LogLost func() uint64
	// Ready tells whether the router is ready.
	Ready func() bool
	// Connections counts clients' connections by state.
	Connections *Connections
	// Listeners tells what each listener has seen.
	Listeners func() []edge.Stats
	// Version is the program's.
	Version string
	// Exemplars attaches the trace id to counts and latencies of sampled
	// requests. Off by default: it costs an allocation and puts ids in the
	// metrics' store.
	Exemplars bool
	// Process adds the Go runtime's and the process's own metrics.
	Process bool
}

// Metrics are a router's metrics. They are an httpproxy.Observer and an
// http.Handler for /metrics.
type Metrics struct {
	o        Options
	vectors  *vectors
	registry *prometheus.Registry
	handler  http.Handler
}

// New returns metrics with a registry of their own.
func New(o Options) *Metrics {
	m := &Metrics{o: o, vectors: newVectors(), registry: prometheus.NewRegistry()}
	m.registry.MustRegister(m.vectors.all()...)
	m.registry.MustRegister((*gauges)(m))
	if o.Process {
		m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: o.Exemplars})
	return m
}

// ServeHTTP implements http.Handler: it answers a scrape.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.current() // collectors run side by side: what left must be forgotten before any of them
	m.handler.ServeHTTP(w, r)
}

// Registry returns where the metrics are registered, so that a program that
// embeds a router can add its own.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// RequestBegun implements httpproxy.Observer.
func (m *Metrics) RequestBegun(*httpproxy.Request) {}

// AttemptBegun implements httpproxy.Observer.
func (m *Metrics) AttemptBegun(*httpproxy.Request, *httpproxy.Attempt) {}

// AttemptEnded implements httpproxy.Observer.
func (m *Metrics) AttemptEnded(q *httpproxy.Request, a *httpproxy.Attempt) {
	m.retried(a)
	e := m.endpoint(a.Admission.Target)
	if e == nil {
		return // it has left the configuration
	}
	c := e.attempts.get(uint32(a.Class))
	if c == nil {
		c = m.vectors.attempt(e, a.Class)
	}
	if c != nil {
		c.Inc()
	}
	if a.Headers > 0 {
		m.observe(e.upstream, a.Headers.Seconds(), q)
	}
}

// Waited implements httpproxy.Observer.
func (m *Metrics) Waited(q *httpproxy.Request, w *httpproxy.Wait) {
	if w.Queued <= 0 {
		return
	}
	at := w.Admission.Target
	if w.Admission.Kind != core.Queued {
		at = w.Next.Target
	}
	m.observe(m.vectors.queue(m.placement(at)), w.Queued.Seconds(), q)
}

// noRetry are the labels of R11's reasons against a retry; "" is not counted.
var noRetry = [...]string{
	core.RetryClass: "class", core.RetryUnsafe: "unsafe", core.RetryBody: "body", core.RetrySpent: "spent",
	core.RetryDrain: "drain", core.RetryTooLate: "too_late", core.RetryOutOfBudget: "budget",
}

// retried counts what R11 said to the end of an attempt.
func (m *Metrics) retried(a *httpproxy.Attempt) {
	if a.Retry != core.RetryGranted && (int(a.Retry) >= len(noRetry) || noRetry[a.Retry] == "") {
		return
	}
	p := m.placement(a.Admission.Target)
	list := &p.retries
	if a.Retry == core.RetryGranted {
		list = &p.granted
	}
	c := list.get(uint32(a.Retry))
	if c == nil {
		c = m.vectors.retry(p, a.Retry)
	}
	c.Inc()
}

// RequestEnded implements httpproxy.Observer.
func (m *Metrics) RequestEnded(q *httpproxy.Request) {
	p := m.placement(q.Admission.Target)
	key := requestKey(q)
	c := p.requests.get(key)
	if c == nil {
		c = m.vectors.request(p, key)
	}
	if m.o.Exemplars && q.Sampled {
		c.(prometheus.ExemplarAdder).AddWithExemplar(1, exemplar(q))
	} else {
		c.Inc()
	}
	m.observe(p.duration, q.Took.Seconds(), q)
	if n := q.Received(); n > 0 {
		p.received.Add(float64(n))
	}
	if n := q.Sent(); n > 0 {
		p.sent.Add(float64(n))
	}
}

func (m *Metrics) observe(o prometheus.Observer, v float64, q *httpproxy.Request) {
	if m.o.Exemplars && q.Sampled {
		o.(prometheus.ExemplarObserver).ObserveWithExemplar(v, exemplar(q))
		return
	}
	o.Observe(v)
}

func exemplar(q *httpproxy.Request) prometheus.Labels {
	return prometheus.Labels{"trace_id": hex.EncodeToString(q.TraceID[:])}
}

// current returns the series of the configuration in force.
func (m *Metrics) current() *set {
	if m.o.Router == nil {
		return m.vectors.current.Load()
	}
	c, _ := m.o.Router.Config()
	return m.vectors.of(c)
}

// placement returns the series of a decision's placement.
func (m *Metrics) placement(t *driver.Target) *placement {
	s := m.current()
	switch {
	case t == nil || t.PlacementName == "":
		return m.vectors.none
	case t.Config == s.config && t.PlacementIndex >= 0:
		return s.placements[t.PlacementIndex]
	}
	if p := s.byName[t.PlacementName]; p != nil { // decided under an earlier configuration
		return p
	}
	return m.vectors.none
}

// endpoint returns the series of a decision's endpoint, nil when it has left.
func (m *Metrics) endpoint(t *driver.Target) *endpoint {
	s := m.current()
	switch {
	case t == nil || t.URL == "":
		return nil
	case t.Config == s.config && t.EndpointIndex >= 0:
		return s.endpoints[t.EndpointIndex]
	}
	return s.byIdentity[identity{t.PlacementName, endpointLabel(t.URL)}]
}

// Parts of a request's key.
const (
	codeBits = 3
	wordBits = 6
)

// requestKey packs what tells a placement's request series apart.
func requestKey(q *httpproxy.Request) uint32 {
	d := &q.Admission.Decision
	code := uint32(q.Status / 100)
	if code > 5 {
		code = 0
	}
	return uint32(q.Class)<<(codeBits+2*wordBits) | code<<(2*wordBits) | uint32(d.Reason)<<wordBits | uint32(d.Failover)
}

func requestLabels(placement string, key uint32) []string {
	code := "none"
	if c := key >> (2 * wordBits) & (1<<codeBits - 1); c > 0 {
		code = strconv.Itoa(int(c)) + "xx"
	}
	return []string{
		placement, className(core.Class(key >> (codeBits + 2*wordBits))), code,
		core.Reason(key >> wordBits & (1<<wordBits - 1)).String(), core.Failover(key & (1<<wordBits - 1)).String(),
	}
}

// className is a class's label, "ok" for none.
func className(c core.Class) string {
	if c == core.ClassNone {
		return "ok"
	}
	return c.String()
}

// request makes a series of a placement's requests.
func (v *vectors) request(p *placement, key uint32) prometheus.Counter {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p != v.none && v.current.Load().byName[p.name] != p {
		p = v.none // it left between the look-up and now
	}
	return p.requests.add(v.requests, key, requestLabels(p.name, key))
}

// retry makes a series of a placement's retries, granted or refused.
func (v *vectors) retry(p *placement, why core.RetryWhy) prometheus.Counter {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p != v.none && v.current.Load().byName[p.name] != p {
		p = v.none
	}
	if why == core.RetryGranted {
		return p.granted.add(v.granted, uint32(why), []string{p.name})
	}
	return p.retries.add(v.refused, uint32(why), []string{p.name, noRetry[why]})
}

// attempt makes a series of an endpoint's attempts; nil if it has just left.
func (v *vectors) attempt(e *endpoint, c core.Class) prometheus.Counter {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current.Load().byIdentity[identity{e.placement, e.label}] != e {
		return nil
	}
	return e.attempts.add(v.attempts, uint32(c), []string{e.placement, e.label, className(c)})
}

// queue returns the histogram of a placement's waiting times.
func (v *vectors) queue(p *placement) prometheus.Observer {
	if o := p.queued.Load(); o != nil {
		return *o
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if p != v.none && v.current.Load().byName[p.name] != p {
		p = v.none
	}
	o := v.queued.WithLabelValues(p.name)
	p.queued.Store(&o)
	return o
}

func goVersion() string { return runtime.Version() }

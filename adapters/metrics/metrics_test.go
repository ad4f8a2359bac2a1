package metrics_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"lockstep/adapters/driver"
	"lockstep/adapters/edge"
	"lockstep/adapters/flightrec"
	"lockstep/adapters/http1"
	"lockstep/adapters/httpproxy"
	"lockstep/adapters/metrics"
	"lockstep/core"
)

var rewrite = flag.Bool("rewrite", false, "write the table in README.md anew")

func config(t testing.TB, names ...string) *core.Config {
	spec := core.Spec{Version: strings.Join(names, "+"), Default: names[0]}
	for _, n := range names {
		spec.Keys = append(spec.Keys, core.KeySpec{Key: n, Placement: n})
		spec.Placements = append(spec.Placements, core.PlacementSpec{
			Name: n, Health: core.HealthSpec{Off: true}, Limit: core.LimitSpec{InFlight: 1, Guests: -1},
			Endpoints: []core.EndpointSpec{{URL: "http://user:secret@" + n + ":80"}},
		})
	}
	c, err := core.Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rig is a driver and its metrics; requests are played, not sent.
type rig struct {
	testing.TB
	driver  *driver.Driver
	metrics *metrics.Metrics
}

func newRig(t testing.TB, o metrics.Options, names ...string) *rig {
	o.Decisions = metrics.NewDecisions(nil)
	g := &rig{TB: t, driver: driver.New(driver.Options{Observer: o.Decisions})}
	o.Router = g.driver
	g.metrics = metrics.New(o)
	g.adopt(names...)
	g.driver.Run(context.Background())
	t.Cleanup(g.driver.Close)
	return g
}

func (g *rig) adopt(names ...string) {
	g.adoptConfig(config(g, names...))
}

func (g *rig) adoptSpec(s core.Spec) {
	c, err := core.Compile(s)
	if err != nil {
		g.Fatal(err)
	}
	g.adoptConfig(c)
}

func (g *rig) adoptConfig(c *core.Config) {
	if d := g.driver.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone); d.Kind != core.Ack {
		g.Fatalf("adopt: %v", d)
	}
}

// arrive begins a request.
func (g *rig) arrive(key string) *httpproxy.Request {
	return &httpproxy.Request{Begun: time.Now(), Admission: g.driver.Arrive(driver.Arrival{Key: key})}
}

// end ends one with an upstream's answer.
func (g *rig) end(q *httpproxy.Request, status int) {
	a := &httpproxy.Attempt{Admission: q.Admission, Headers: time.Millisecond, Status: status, Retry: core.RetryOff}
	g.driver.Finish(q.Admission.Handle, core.ClassNone, uint16(status), true)
	g.metrics.AttemptEnded(q, a)
	q.Status, q.Took = status, 2*time.Millisecond
	g.metrics.RequestEnded(q)
}

func (g *rig) scrape() string {
	w := httptest.NewRecorder()
	g.metrics.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		g.Fatalf("scrape: %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func (g *rig) wants(text string, lines ...string) {
	g.Helper()
	for _, l := range lines {
		if !slices.Contains(strings.Split(text, "\n"), l) {
			g.Errorf("the scrape lacks\n  %s\nin\n%s", l, grep(text, l[:strings.IndexAny(l, "{ ")]))
		}
	}
}

func grep(text, word string) string {
	var out []string
	for l := range strings.Lines(text) {
		if strings.Contains(l, word) {
			out = append(out, "  "+l)
		}
	}
	return strings.Join(out, "")
}

func TestRequestsAttemptsAndDecisionsAreCountedByTheirLabels(t *testing.T) {
	g := newRig(t, metrics.Options{Version: "v1"}, "a", "b")
	for range 3 {
		g.end(g.arrive("a"), 200)
	}
	g.end(g.arrive("b"), 503)
	busy := g.arrive("a")
	full := g.arrive("a") // the limit is 1
	full.Status, full.Class = 429, full.Admission.Class
	g.metrics.RequestEnded(full)
	text := g.scrape()
	g.end(busy, 200)
	g.wants(text,
		`lockstep_requests_total{class="ok",code="2xx",failover="",placement="a",reason="dedicated"} 3`,
		`lockstep_requests_total{class="ok",code="5xx",failover="",placement="b",reason="dedicated"} 1`,
		`lockstep_requests_total{class="limit",code="4xx",failover="",placement="a",reason="dedicated"} 1`,
		`lockstep_attempts_total{class="ok",endpoint="http://a:80",placement="a"} 3`,
		`lockstep_request_duration_seconds_count{placement="a"} 4`,
		`lockstep_upstream_header_seconds_count{endpoint="http://a:80",placement="a"} 3`,
		`lockstep_decisions_total{cause="",class="",kind="forward"} 5`,
		`lockstep_decisions_total{cause="",class="limit",kind="reject"} 1`,
		`lockstep_decisions_total{cause="",class="",kind="ack"} 1`,
		`lockstep_events_total{event="arrive"} 6`,
		`lockstep_in_flight{placement="a"} 1`,
		`lockstep_in_flight{placement="b"} 0`,
		`lockstep_in_flight_limit{placement="a"} 1`,
		`lockstep_guests_limit{placement="a"} 0`,
		`lockstep_panic{placement="a"} 0`,
		`lockstep_endpoint_in_flight{endpoint="http://a:80",placement="a"} 1`,
		`lockstep_breaker_state{endpoint="http://b:80",placement="b",state="closed"} 1`,
		`lockstep_breaker_state{endpoint="http://b:80",placement="b",state="open"} 0`,
		`lockstep_breaker_failures{endpoint="http://b:80",placement="b"} 1`,
		`lockstep_endpoint_healthy{endpoint="http://a:80",placement="a"} 1`,
		`lockstep_config_epoch 1`,
		`lockstep_draining 0`,
	)
	if strings.Contains(text, "secret") {
		t.Error("a password of the configuration is in the metrics")
	}
}

func TestEveryKindOfDecisionThatHasANameIsShown(t *testing.T) {
	text := newRig(t, metrics.Options{}, "a").scrape()
	for k := range core.DecisionKind(64) {
		switch k {
		case core.DecisionNone, core.Reject, core.Abort, core.Nack, core.NoteIgnored, core.NoteBug: // by class or cause, once there is one
			continue
		}
		if name := k.String(); name != "none" && !strings.Contains(text, `kind="`+name+`"`) {
			t.Errorf("no series of %s", name)
		}
	}
	if !strings.Contains(text, `kind="drained"`) {
		t.Error("no series after the first kinds")
	}
}

func TestAnOpenBreakerIsSeenAtTheNextScrape(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a", "b")
	for range 5 {
		g.end(g.arrive("a"), 500)
	}
	g.wants(g.scrape(),
		`lockstep_breaker_state{endpoint="http://a:80",placement="a",state="open"} 1`,
		`lockstep_decisions_total{cause="",class="",kind="opened"} 1`,
	)
}

func TestSeriesOfWhatAConfigurationRemovesAreDeletedAndDoNotComeBack(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a", "b")
	g.end(g.arrive("a"), 200)
	g.end(g.arrive("b"), 200)
	late := g.arrive("b")
	g.adopt("a", "c")
	g.wants(g.scrape(), `lockstep_endpoints_retiring 1`)
	g.end(late, 200) // decided under the configuration before
	text := g.scrape()
	if left := grep(text, `placement="b"`); left != "" {
		t.Errorf("series of the removed placement:\n%s", left)
	}
	g.wants(text,
		`lockstep_requests_total{class="ok",code="2xx",failover="",placement="a",reason="dedicated"} 1`,
		`lockstep_requests_total{class="ok",code="2xx",failover="",placement="",reason="dedicated"} 1`,
		`lockstep_in_flight{placement="c"} 0`,
		`lockstep_config_epoch 2`,
	)
}

func TestALateRequestCountsForItsPlacementUnderTheNextConfiguration(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a", "b")
	late := g.arrive("b")
	g.adopt("0", "a", "b") // its index moves
	g.end(late, 200)
	g.wants(g.scrape(),
		`lockstep_requests_total{class="ok",code="2xx",failover="",placement="b",reason="dedicated"} 1`,
		`lockstep_attempts_total{class="ok",endpoint="http://b:80",placement="b"} 1`,
	)
}

func TestTheNumberOfSeriesIsBoundByTheConfigurationNotByTraffic(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a")
	count := func() int {
		n, err := testutil.GatherAndCount(g.metrics.Registry())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	send := func(from, to int) {
		for i := from; i < to; i++ {
			g.end(g.arrive(fmt.Sprintf("tenant-%d", i)), 200)
		}
	}
	send(0, 10)
	before := count()
	send(10, 1000)
	if after := count(); after != before {
		t.Errorf("%d series after 10 tenants, %d after 1000", before, after)
	}
}

func TestEveryConfigurationInTurnLeavesNoSeriesBehind(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a", "p0")
	var first int
	for i := range 50 {
		name := fmt.Sprintf("p%d", i)
		g.adopt("a", name)
		g.end(g.arrive(name), 200)
		n, err := testutil.GatherAndCount(g.metrics.Registry())
		if err != nil {
			t.Fatal(err)
		}
		if first == 0 {
			first = n
		}
		if n != first {
			t.Fatalf("%d series after configuration %d, %d after the first", n, i, first)
		}
	}
}

func TestTheLinterOfPrometheusFindsNothing(t *testing.T) {
	g := everything(t)
	problems, err := testutil.GatherAndLint(g.metrics.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// everything is a router all of whose metrics have a sample.
func everything(t testing.TB) *rig {
	g := newRig(t, metrics.Options{
		Version: "v1", Recorder: func() flightrec.Stats { return flightrec.Stats{LostBlocks: 7} }, LogLost: func() uint64 { return 3 },
		Ready: func() bool { return true }, Connections: new(metrics.Connections), Listeners: func() []edge.Stats {
			return []edge.Stats{{Listener: "edge", Open: 9, Accepted: 9, HTTP1: http1.Counts{Idle: 1, Active: 3}, Refused: [http1.Reasons]uint64{http1.BothLengths: 2}}}
		},
	}, "a")
	g.adoptSpec(patient("a"))
	g.driver.Control(true)
	q := g.arrive("a")
	g.metrics.Waited(q, &httpproxy.Wait{Admission: q.Admission, Took: time.Millisecond, Queued: time.Millisecond, Next: q.Admission})
	g.metrics.AttemptEnded(q, &httpproxy.Attempt{Admission: q.Admission, Retry: core.RetryGranted})
	g.metrics.AttemptEnded(q, &httpproxy.Attempt{Admission: q.Admission, Retry: core.RetrySpent})
	g.end(q, 200)
	return g
}

func TestTheTableNamesEveryMetricThatAScrapeShowsAndNoOther(t *testing.T) {
	text := everything(t).scrape()
	shown := map[string]bool{}
	for l := range strings.Lines(text) {
		if f := strings.Fields(l); len(f) > 2 && f[1] == "TYPE" {
			shown[f[2]] = true
		}
	}
	for row := range strings.Lines(metrics.Table()) {
		f := strings.Split(row, "`")
		if len(f) < 2 {
			continue
		}
		if !shown[f[1]] {
			t.Errorf("no scrape shows %s", f[1])
		}
		delete(shown, f[1])
	}
	for name := range shown {
		t.Errorf("the table lacks %s", name)
	}
}

func TestTheReadmeHasTheTable(t *testing.T) {
	const begin, end = "<!-- table -->\n", "<!-- /table -->"
	old, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(old), begin)
	_, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatal("README.md has no marks for the table")
	}
	want := before + begin + metrics.Table() + end + after
	if *rewrite {
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(old) {
		t.Error("README.md's table is not the code's: run go test ./adapters/metrics -rewrite")
	}
}

func TestExemplarsAreOffUnlessAskedFor(t *testing.T) {
	for _, on := range []bool{false, true} {
		g := newRig(t, metrics.Options{Exemplars: on}, "a")
		q := g.arrive("a")
		q.TraceID, q.Sampled = [16]byte{1, 2, 3}, true
		g.end(q, 200)
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
		w := httptest.NewRecorder()
		g.metrics.ServeHTTP(w, r)
		body, _ := io.ReadAll(w.Body)
		if has := strings.Contains(string(body), `trace_id="010203`); has != on {
			t.Errorf("exemplars %v: a trace id is shown: %v", on, has)
		}
	}
}

func TestConnectionsAreCountedByState(t *testing.T) {
	var c metrics.Connections
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n := c.Count(http.StateActive); n != 1 {
			t.Errorf("%d active connections inside the one request", n)
		}
	}))
	server.Config.ConnState = c.Note
	server.Start()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	server.Close()
	for _, s := range []http.ConnState{http.StateNew, http.StateActive, http.StateIdle} {
		if n := c.Count(s); n != 0 {
			t.Errorf("%d connections are %v after the server has ended", n, s)
		}
	}
}

func TestConnectionsThatWereUpgradedAreThoseThatNobodyElseCounts(t *testing.T) {
	g := everything(t)
	g.wants(g.scrape(), `lockstep_client_connections{state="hijacked"} 5`, `lockstep_client_connections{state="active"} 3`,
		`lockstep_http1_refused_total{listener="edge",reason="both_lengths"} 2`, `lockstep_listener_accepted_total{listener="edge"} 9`)
}

func TestCountingARequestAllocatesNothing(t *testing.T) {
	g := newRig(t, metrics.Options{}, "a")
	q := g.arrive("a")
	a := &httpproxy.Attempt{Admission: q.Admission, Headers: time.Millisecond, Status: 200}
	refused := &httpproxy.Attempt{Admission: q.Admission, Retry: core.RetrySpent}
	w := &httpproxy.Wait{Admission: q.Admission, Queued: time.Millisecond, Next: q.Admission}
	q.Status, q.Took = 200, time.Millisecond
	count := func() {
		g.metrics.AttemptEnded(q, a)
		g.metrics.AttemptEnded(q, refused)
		g.metrics.Waited(q, w)
		g.metrics.RequestEnded(q)
	}
	count()
	if n := testing.AllocsPerRun(1000, count); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
}

// BenchmarkRequest is what metrics add to a request: two counts and two latencies.
func BenchmarkRequest(b *testing.B) {
	g := newRig(b, metrics.Options{}, "a")
	q := g.arrive("a")
	a := &httpproxy.Attempt{Admission: q.Admission, Headers: time.Millisecond, Status: 200}
	q.Status, q.Took = 200, time.Millisecond
	for b.Loop() {
		g.metrics.AttemptEnded(q, a)
		g.metrics.RequestEnded(q)
	}
}

// BenchmarkScrape reads a router with 1000 placements.
func BenchmarkScrape(b *testing.B) {
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("p%04d", i))
	}
	g := newRig(b, metrics.Options{}, names...)
	for b.Loop() {
		g.scrape()
	}
}

func TestLatenciesAreNativeHistogramsWithClassicBucketsBeside(t *testing.T) {
	families, err := everything(t).metrics.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if h := m.GetHistogram(); h.GetSampleCount() > 0 {
				seen++
				if len(h.GetPositiveSpan()) == 0 || len(h.GetBucket()) == 0 {
					t.Errorf("%s: %d native spans, %d classic buckets", f.GetName(), len(h.GetPositiveSpan()), len(h.GetBucket()))
				}
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d histograms with samples, want request, queue and upstream", seen)
	}
}

package httpproxy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/http1"
	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// witness notes what an observer is told.
type witness struct {
	mu    sync.Mutex
	calls []string
	last  *httpproxy.Request
	tries []httpproxy.Attempt
	waits []httpproxy.Wait
}

func (w *witness) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf(format, args...))
}

func (w *witness) RequestBegun(q *httpproxy.Request) { w.note("request") }

func (w *witness) AttemptBegun(q *httpproxy.Request, a *httpproxy.Attempt) {
	a.Header["X-Seen"] = []string{"yes"}
	w.note("attempt %s", a.Admission.URL)
}

func (w *witness) AttemptEnded(q *httpproxy.Request, a *httpproxy.Attempt) {
	w.note("attempt ended %v %d", a.Class, a.Status)
	w.mu.Lock()
	w.tries = append(w.tries, *a)
	w.mu.Unlock()
}

func (w *witness) RequestEnded(q *httpproxy.Request) {
	w.note("ended %v %d", q.Class, q.Status)
	w.mu.Lock()
	w.last = q
	w.mu.Unlock()
}

func (w *witness) Waited(q *httpproxy.Request, a *httpproxy.Wait) {
	w.note("waited %v to %v", a.Admission.Kind, a.Next.Kind)
	w.mu.Lock()
	w.waits = append(w.waits, *a)
	w.mu.Unlock()
}

// watchedRig is a rig whose proxy is observed and writes the long log.
func watchedRig(t *testing.T, o httpproxy.LogOptions) (*rig, *witness) {
	g, w := watchedOver(t, basic(), o)
	g.serve("visa:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "seen ", r.Header.Get("X-Seen"))
	}))
	return g, w
}

// watchedOver is the same over a specification of its own, without upstreams.
func watchedOver(t *testing.T, spec core.Spec, o httpproxy.LogOptions) (*rig, *witness) {
	g, w := newRig(t, spec), &witness{}
	log := httpproxy.NewAccessLogWith(&g.log, o)
	proxy := httpproxy.NewHandler(g.spy, httpproxy.Options{Dial: g.dial, Log: log, Observer: w})
	g.access = log
	g.serve("watched:80", proxy)
	t.Cleanup(func() { proxy.CloseIdleConnections(); log.Close() })
	return g, w
}

func (g *rig) watchedGet(key, id string) (status int, body string) {
	r, _ := http.NewRequest("GET", "http://watched/p", nil)
	r.Header.Set("X-Request-Id", id)
	res, body := g.do(key, r)
	return res.StatusCode, body
}

// lines are the access log's, decoded.
func (g *rig) lines() (all []map[string]any) {
	g.access.Close()
	for text := range bytes.Lines(g.log.Bytes()) {
		line := map[string]any{}
		if err := json.Unmarshal(text, &line); err != nil {
			g.t.Fatalf("%v: %s", err, text)
		}
		all = append(all, line)
	}
	return all
}

func TestAnObserverIsToldOfARequestItsAttemptAndTheirEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, w := watchedRig(t, httpproxy.LogOptions{Detail: true})
		if _, body := g.watchedGet("visa", "1"); body != "seen yes" {
			t.Errorf("upstream got %q, want the header that the observer added", body)
		}
		synctest.Wait()
		want := []string{"request", "attempt http://visa:80", "attempt ended none 200", "ended none 200"}
		if !slices.Equal(w.calls, want) {
			t.Errorf("told %q, want %q", w.calls, want)
		}
		if w.last.Attempts != 1 || w.last.KeySource != "header X-Routing-Key" || w.last.Sent() != int64(len("seen yes")) {
			t.Errorf("request ended as %+v, %d bytes sent", w.last, w.last.Sent())
		}
		if w.last.Admission.Step == 0 || w.last.Admission.InForce.Number != 1 {
			t.Errorf("step %d of epoch %v, want those of the decision", w.last.Admission.Step, w.last.Admission.InForce)
		}
	})
}

func TestARefusalIsARequestWithoutAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, w := watchedRig(t, httpproxy.LogOptions{})
		g.watchedGet("", "1")
		synctest.Wait()
		if want := []string{"request", "ended no_key 400"}; !slices.Equal(w.calls, want) {
			t.Errorf("told %q, want %q", w.calls, want)
		}
	})
}

func TestWhatTheServerRefusesBeforeItIsARequestIsObservedAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, w := newRig(t, basic()), &witness{}
		proxy := httpproxy.NewHandler(g.spy, httpproxy.Options{Dial: g.dial, Log: g.access, Observer: w})
		proxy.Refused(&http1.Refusal{Reason: http1.BothLengths, Method: "POST", Target: "/a?b"})
		if want := []string{"request", "ended bad_request 400"}; !slices.Equal(w.calls, want) {
			t.Errorf("told %q, want %q", w.calls, want)
		}
	})
}

func TestAnUpstreamsOwnErrorHasItsClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, w := watchedRig(t, httpproxy.LogOptions{})
		g.serve("tier3:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) }))
		g.watchedGet("other", "1")
		synctest.Wait()
		if want := "ended upstream_5xx 500"; w.calls[len(w.calls)-1] != want {
			t.Errorf("told %q, want it to end with %q", w.calls, want)
		}
		if w.tries[0].Class != core.Upstream5xx || w.tries[0].Headers > w.tries[0].Took {
			t.Errorf("attempt ended as %+v", w.tries[0])
		}
	})
}

func TestTheLongLogLineHasTheBaselinesFieldsAndMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := watchedRig(t, httpproxy.LogOptions{Detail: true})
		g.watchedGet("visa", "1")
		synctest.Wait()
		line := g.lines()[0]
		for name, want := range map[string]any{
			"request_id": "1", "method": "GET", "path": "/p", "routing_key": "visa", "placement_key": "visa", "route_reason": "dedicated",
			"upstream_url": "http://visa:80", "status_code": 200.0,
			"class": "ok", "protocol": "HTTP/1.1", "circuit_state": "closed", "key_source": "header X-Routing-Key",
			"attempts": 1.0, "bytes_received": 0.0, "bytes_sent": 8.0, "epoch": 1.0,
		} {
			if line[name] != want {
				t.Errorf("%s is %v, want %v", name, line[name], want)
			}
		}
		for _, name := range []string{"timestamp", "duration_ms", "upstream_ms", "step"} {
			if _, ok := line[name]; !ok {
				t.Errorf("there is no %s in %v", name, line)
			}
		}
	})
}

func TestTheBaselinesLogLineDoesNotChangeBecauseSomebodyObserves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := watchedRig(t, httpproxy.LogOptions{})
		g.watchedGet("visa", "1")
		synctest.Wait()
		line := g.lines()[0]
		if len(line) != 10 {
			t.Errorf("%d fields, want BASELINE's ten: %v", len(line), line)
		}
	})
}

func TestASampledLogKeepsItsShareAndAllThatMustBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := watchedRig(t, httpproxy.LogOptions{Detail: true, Thin: true, Keep: 250_000, Always: httpproxy.LogAlways{Errors: true}})
		const n = 400
		for i := range n {
			g.watchedGet("visa", fmt.Sprint(i))
		}
		g.watchedGet("", "refused")
		synctest.Wait()
		lines := g.lines()
		// Four standard deviations around the mean.
		if kept := len(lines) - 1; kept < n/4-35 || kept > n/4+35 {
			t.Errorf("kept %d of %d, want about a quarter", kept, n)
		}
		if last := lines[len(lines)-1]; last["request_id"] != "refused" || last["sample"] != 0.25 {
			t.Errorf("the last line is %v, want the error, with the sample's share", last)
		}
	})
}

func TestAlwaysKeepsFailoversAndSlowRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := watchedRig(t, httpproxy.LogOptions{Thin: true, Always: httpproxy.LogAlways{Failovers: true, Slow: time.Second}})
		g.serve("tier3:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				time.Sleep(2 * time.Second)
			}
			if strings.HasPrefix(r.URL.Path, "/p") {
				w.WriteHeader(503)
			}
		}))
		g.watchedGet("other", "error") // no error is kept, since none are asked for
		r, _ := http.NewRequest("GET", "http://watched/slow", nil)
		r.Header.Set("X-Request-Id", "slow")
		g.do("other", r)
		synctest.Wait()
		var kept []any
		for _, l := range g.lines() {
			kept = append(kept, l["request_id"])
		}
		if want := []any{"slow"}; !slices.Equal(kept, want) {
			t.Errorf("kept %v, want %v", kept, want)
		}
	})
}

func TestObserversAreCalledInOrderAndEndInTheOppositeOrder(t *testing.T) {
	a, b := &witness{}, &witness{}
	if httpproxy.Observers(nil, nil) != nil {
		t.Error("no observers are not nil: every request would pay for them")
	}
	if httpproxy.Observers(nil, a) != httpproxy.Observer(a) {
		t.Error("one observer is wrapped")
	}
	both := httpproxy.Observers(a, b)
	both.RequestBegun(&httpproxy.Request{})
	both.AttemptBegun(&httpproxy.Request{}, &httpproxy.Attempt{Header: http.Header{}, Admission: driver.Admission{Target: &driver.Target{}}})
	both.AttemptEnded(&httpproxy.Request{}, &httpproxy.Attempt{})
	both.Waited(&httpproxy.Request{}, &httpproxy.Wait{})
	both.RequestEnded(&httpproxy.Request{})
	if len(a.calls) != 5 || !slices.Equal(a.calls, b.calls) {
		t.Errorf("told %q and %q", a.calls, b.calls)
	}
}

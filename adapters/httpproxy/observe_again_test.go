package httpproxy_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

func TestEveryAttemptOfARetriedRequestIsObservedToItsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		a     func(g *rig)
		first string
	}{
		"a status":  {func(g *rig) { g.serve("a:80", fails(503)) }, "attempt ended upstream_5xx 503"},
		"no answer": {func(g *rig) { g.raw("a:80", func(c net.Conn) { c.Close() }) }, "attempt ended reset_before_response 0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, w := watchedOver(t, twice(nil), httpproxy.LogOptions{Detail: true})
				c.a(g)
				g.serve("b:80", http.HandlerFunc(repeat))
				g.watchedGet("visa", "1")
				synctest.Wait()
				want := []string{
					"request", "attempt http://a:80", c.first, "waited retry to forward",
					"attempt http://b:80", "attempt ended none 200", "ended none 200",
				}
				if !slices.Equal(w.calls, want) {
					t.Fatalf("told %q, want %q", w.calls, want)
				}
				if w.tries[0].Retry != core.RetryGranted || w.tries[1].Retry != core.RetryOff {
					t.Errorf("retries: %v, then %v", w.tries[0].Retry, w.tries[1].Retry)
				}
				q := w.last
				if q.Attempts != 2 || len(q.Failed) != 1 || q.Failed[0].URL != "http://a:80" || q.BackOff <= 0 || q.BackOff > 25*time.Millisecond || q.Queued != 0 {
					t.Errorf("%d attempts, failed %+v, %v of back-off, %v queued", q.Attempts, q.Failed, q.BackOff, q.Queued)
				}
			})
		})
	}
}

func TestAnAttemptSaysWhyNoRetryFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, w := watchedOver(t, twice(func(p *core.PlacementSpec) { p.Retries.Max = 1 }), httpproxy.LogOptions{})
		g.serve("a:80", fails(503))
		g.serve("b:80", fails(502))
		g.watchedGet("visa", "1")
		synctest.Wait()
		if len(w.tries) != 2 || w.tries[1].Retry != core.RetrySpent {
			t.Fatalf("attempts %+v, want a second one that has had its retry", w.tries)
		}
		if len(w.last.Failed) != 1 {
			t.Errorf("%d attempts count as followed by a retry, want one", len(w.last.Failed))
		}
	})
}

func TestTheWaitInAQueueIsObservedWhateverEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, w := watchedOver(t, twice(narrow), httpproxy.LogOptions{})
		g.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(map[string]time.Duration{"served": 200 * time.Millisecond, "late": time.Second}[r.Header.Get("X-Request-Id")])
		}))
		behind := func(first, id string) {
			done := make(chan struct{})
			go func() { defer close(done); g.watchedGet("visa", first) }()
			synctest.Wait()
			ctx, leave := context.WithTimeout(t.Context(), 400*time.Millisecond)
			defer leave()
			if id == "leaves" {
				ctx, leave = context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer leave()
			}
			r, _ := http.NewRequestWithContext(ctx, "GET", "http://watched/", nil)
			r.Header.Set("X-Request-Id", id)
			r.Header.Set("X-Routing-Key", "visa")
			if res, err := g.client.Do(r); err == nil {
				res.Body.Close()
			}
			<-done
			synctest.Wait()
		}
		behind("served", "waits")
		behind("late", "expires")
		behind("late", "leaves")
		want := []struct {
			kind   core.DecisionKind
			class  core.Class
			queued time.Duration
		}{
			{core.Forward, core.ClassNone, 200 * time.Millisecond},
			{core.Reject, core.QueueTimeout, 300 * time.Millisecond},
			{core.Reject, core.ClientGone, 100 * time.Millisecond},
		}
		if len(w.waits) != len(want) {
			t.Fatalf("%d waits, want %d", len(w.waits), len(want))
		}
		for i, x := range w.waits {
			if x.Next.Kind != want[i].kind || x.Next.Class != want[i].class || x.Queued != want[i].queued || x.Took != x.Queued || x.Admission.PlacementName != "visa" {
				t.Errorf("wait %d at %q: %v %v after %v in the queue, want %+v", i, x.Admission.PlacementName, x.Next.Kind, x.Next.Class, x.Queued, want[i])
			}
		}
	})
}

func TestTheLongLogLineTellsOfRetriesAndWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := watchedOver(t, twice(nil), httpproxy.LogOptions{Detail: true})
		slow := func(status int) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(100 * time.Millisecond)
				w.WriteHeader(status)
			}
		}
		g.serve("a:80", slow(503))
		g.serve("b:80", slow(200))
		g.watchedGet("visa", "1")
		synctest.Wait()
		line := g.lines()[0]
		retried, _ := line["retried"].([]any)
		if line["attempts"] != 2.0 || line["upstream_ms"] != 200.0 || line["backoff_ms"] == nil || line["queued_ms"] != nil || len(retried) != 1 {
			t.Fatalf("the line is %v", line)
		}
		first := retried[0].(map[string]any)
		if first["upstream_url"] != "http://a:80" || first["class"] != "upstream_5xx" || first["status_code"] != 503.0 || first["duration_ms"] != 100.0 || len(first) != 4 {
			t.Errorf("the attempt before it is %v", first)
		}
	})
}

func TestASampledLogKeepsRetriedRequestsIfAsked(t *testing.T) {
	for _, asked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g, _ := watchedOver(t, twice(nil), httpproxy.LogOptions{Thin: true, Always: httpproxy.LogAlways{Retries: asked}})
			g.serve("b:80", http.HandlerFunc(repeat))
			g.watchedGet("visa", "1")
			synctest.Wait()
			if lines := g.lines(); (len(lines) == 1) != asked || asked && len(lines[0]) != 10 {
				t.Errorf("always retries %v: lines %v, want BASELINE's ten fields if it is kept", asked, lines)
			}
		})
	}
}

package httpproxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/core"
)

// twice is placement visa with two endpoints, a and b, tried in that order.
func twice(change func(p *core.PlacementSpec)) core.Spec {
	p := core.PlacementSpec{
		Name: "visa", Health: core.HealthSpec{Off: true}, Select: core.First,
		Endpoints: []core.EndpointSpec{{Name: "a", URL: "http://a:80"}, {Name: "b", URL: "http://b:80"}},
		Retries:   core.RetrySpec{Max: 2, On: core.OnConnect | core.OnReset | core.OnGateway | core.OnTimeout},
		Timeouts:  core.TimeoutSpec{ResponseHeader: 2 * core.Second, Request: 5 * core.Second},
	}
	if change != nil {
		change(&p)
	}
	return core.Spec{Version: "1", Keys: []core.KeySpec{{Key: "visa", Placement: "visa"}}, Placements: []core.PlacementSpec{p}}
}

// send sends one request and returns its response and body.
func (g *rig) send(method, body string) (*http.Response, string) {
	g.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, "http://router:80/x", reader)
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("X-Routing-Key", "visa")
	res, err := g.client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res, string(text)
}

// behind sends a request and returns what waits for its answer.
func (g *rig) behind() (wait func()) {
	var one sync.WaitGroup
	one.Go(func() { g.send("GET", "") })
	return one.Wait
}

func repeat(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s", r.Method, text)
}

func fails(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-From", "a")
		w.WriteHeader(status)
		fmt.Fprint(w, "no")
	}
}

func TestAFailedAttemptIsTriedElsewhereAndTheClientSeesOnlyTheLast(t *testing.T) {
	for name, a := range map[string]func(g *rig){
		"nobody listens": func(*rig) {},
		"503":            func(g *rig) { g.serve("a:80", fails(503)) },
		"reset":          func(g *rig) { g.raw("a:80", func(c net.Conn) { c.Close() }) },
		"silence":        func(g *rig) { g.raw("a:80", func(c net.Conn) { io.Copy(io.Discard, c) }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, twice(nil))
				a(g)
				g.serve("b:80", http.HandlerFunc(repeat))
				res, text := g.send("GET", "")
				if res.StatusCode != 200 || text != "GET " || res.Header.Get("X-Lockstep-Attempts") != "2" || res.Header.Get("X-From") != "" {
					t.Errorf("%s %q %v", res.Status, text, res.Header)
				}
				synctest.Wait()
				g.driver.View(func(r *core.Router) {
					if r.InFlight() != 0 || r.Waiting() != 0 || r.Budget(r.Now(), 0).Own != 0 {
						t.Errorf("%d in flight, %d wait, %+v", r.InFlight(), r.Waiting(), r.Budget(r.Now(), 0))
					}
				})
			})
		})
	}
}

func TestABodyIsSentAgainWhole(t *testing.T) {
	anyMethod := func(p *core.PlacementSpec) { p.Retries.Methods = core.RetryAny }
	for _, size := range []int{10, 60_000, 70_000} { // the last is more than is kept
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, twice(anyMethod))
				g.serve("a:80", fails(503))
				g.serve("b:80", http.HandlerFunc(repeat))
				body := strings.Repeat("0123456789", size/10)
				res, text := g.send("POST", body)
				want, attempts := "POST "+body, "2"
				if size > 64<<10 {
					want, attempts = "no", "1"
				}
				if text != want || res.Header.Get("X-Lockstep-Attempts") != attempts {
					t.Errorf("%s, %s attempts, %d bytes, want %d", res.Status, res.Header.Get("X-Lockstep-Attempts"), len(text), len(want))
				}
			})
		})
	}
}

func TestWhatMayHaveBeenDoneIsNotDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, twice(nil))
		var reached atomic.Int32
		g.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached.Add(1); fails(503)(w, r) }))
		g.serve("b:80", http.HandlerFunc(repeat))
		if res, text := g.send("POST", "pay"); res.StatusCode != 503 || text != "no" || reached.Load() != 1 {
			t.Errorf("%s %q", res.Status, text)
		}
	})
}

func TestWhatWasNeverSentIsTriedAgainWhateverItsMethodAndSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, twice(nil))
		g.serve("b:80", http.HandlerFunc(repeat))
		body := strings.Repeat("x", 100_000)
		if res, text := g.send("POST", body); res.StatusCode != 200 || text != "POST "+body {
			t.Errorf("%s, %d bytes", res.Status, len(text))
		}
	})
}

func TestRetryAfterIsWaitedForOrPassedOn(t *testing.T) {
	for after, want := range map[string]time.Duration{"1": time.Second, "2": 0} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t, twice(nil))
			g.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", after)
				fails(503)(w, r)
			}))
			g.serve("b:80", http.HandlerFunc(repeat))
			begun := time.Now()
			res, _ := g.send("GET", "")
			took := time.Since(begun)
			if want > 0 && (res.StatusCode != 200 || took < want || took > want+25*time.Millisecond) {
				t.Errorf("Retry-After %s: %s after %v", after, res.Status, took)
			}
			if want == 0 && (res.StatusCode != 503 || res.Header.Get("Retry-After") != after || took > 0) {
				t.Errorf("Retry-After %s: %s after %v, %v", after, res.Status, took, res.Header)
			}
		})
	}
}

func TestAllAttemptsTogetherHaveTheTimeOfOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, twice(nil))
		hang := func(c net.Conn) { io.Copy(io.Discard, c) }
		g.raw("a:80", hang)
		g.raw("b:80", hang)
		begun := time.Now()
		res, _ := g.send("GET", "")
		if took := time.Since(begun); res.StatusCode != 504 || took < 4*time.Second || took > 5*time.Second+time.Millisecond {
			t.Errorf("%s after %v", res.Status, took)
		}
	})
}

// narrow has room for one, and a queue for one more.
func narrow(p *core.PlacementSpec) {
	p.Retries = core.RetrySpec{}
	p.Limit = core.LimitSpec{InFlight: 1, WhenFull: core.QueueWhenFull, Queue: 1, Wait: 300 * core.Millisecond}
}

func TestARequestWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, twice(narrow))
		g.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(200 * time.Millisecond); repeat(w, r) }))
		var mu sync.Mutex
		statuses := map[int]int{}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				res, _ := g.send("GET", "")
				mu.Lock()
				defer mu.Unlock()
				statuses[res.StatusCode]++
				if res.Header.Get("X-Lockstep-Attempts") != "" {
					t.Error("attempts are counted although retries are off")
				}
			})
		}
		all.Wait()
		if statuses[200] != 2 || statuses[429] != 2 {
			t.Errorf("%v, want two served and two refused", statuses)
		}
	})
}

func TestAWaitThatIsTooLongIsA503(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, twice(narrow))
		g.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); repeat(w, r) }))
		defer g.behind()()
		synctest.Wait()
		begun := time.Now()
		res, text := g.send("GET", "")
		if took := time.Since(begun); res.StatusCode != 503 || !strings.HasPrefix(text, "queue_timeout: ") || took != 300*time.Millisecond {
			t.Errorf("%s %q after %v", res.Status, text, took)
		}
	})
}

func TestAClientThatLeavesTheQueueFreesItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, twice(narrow))
		g.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(200 * time.Millisecond); repeat(w, r) }))
		defer g.behind()()
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://router:80/", nil)
		r.Header.Set("X-Routing-Key", "visa")
		go g.client.Do(r)
		synctest.Wait()
		waiting := func() (n int) { g.driver.View(func(r *core.Router) { n = r.Waiting() }); return n }
		if waiting() != 1 {
			t.Fatal("nobody waits")
		}
		leave()
		time.Sleep(60 * time.Millisecond) // when our own engine looks, at the latest
		synctest.Wait()
		if waiting() != 0 {
			t.Error("a place is held for a client that is gone")
		}
		if res, _ := g.send("GET", ""); res.StatusCode != 200 {
			t.Errorf("the next one got %s", res.Status)
		}
	})
}

func TestAPushFindsThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, twice(narrow))
		g.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(200 * time.Millisecond); repeat(w, r) }))
		g.serve("c:80", http.HandlerFunc(repeat))
		defer g.behind()()
		synctest.Wait()
		done := make(chan string)
		go func() { res, _ := g.send("GET", ""); done <- res.Header.Get("X-Routed-To") }()
		synctest.Wait()
		moved := twice(narrow)
		moved.Version = "2"
		moved.Keys[0].Placement = "acme"
		moved.Placements = append(moved.Placements, core.PlacementSpec{Name: "acme", Health: core.HealthSpec{Off: true}, Endpoints: []core.EndpointSpec{{URL: "http://c:80"}}})
		c, err := core.Compile(moved)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		g.driver.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone)
		if to := <-done; to != "acme" || time.Since(begun) > 0 {
			t.Errorf("it went to %q after %v", to, time.Since(begun))
		}
	})
}

func TestADrainRefusesThoseWhoStillWaitAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, twice(func(p *core.PlacementSpec) { narrow(p); p.Limit.Wait = 5 * core.Second }))
		g.serve("a:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(3 * time.Second):
			case <-r.Context().Done():
			}
		}))
		defer g.behind()()
		synctest.Wait()
		go func() {
			time.Sleep(100 * time.Millisecond)
			g.driver.Drain(g.driver.Now().Add(core.Second))
		}()
		begun := time.Now()
		res, text := g.send("GET", "")
		if took := time.Since(begun); res.StatusCode != 503 || !strings.HasPrefix(text, "drain: ") || took != 1100*time.Millisecond {
			t.Errorf("%s %q after %v", res.Status, text, took)
		}
	})
}

package probe

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/driver"
	"lockstep/core"
)

// roundTrip makes an upstream of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Location": {"http://elsewhere/"}}, Body: http.NoBody}
}

// probed runs one placement of n endpoints, fall and rise 1, against upstream
// for 15 virtual seconds, in which every endpoint is probed at least once, and
// returns how many of them are unhealthy then.
func probed(t *testing.T, n, limit int, upstream roundTrip) (unhealthy int) {
	d := driver.New(driver.Options{})
	p := New(Options{Report: d.Probed, Transport: upstream, Limit: limit})
	d.Handle(p.Sink)
	d.Run(t.Context())
	place := core.PlacementSpec{Name: "a", Health: core.HealthSpec{Path: "/healthz?deep", Fall: 1, Rise: 1}}
	for i := range n {
		place.Endpoints = append(place.Endpoints, core.EndpointSpec{URL: "http://a/" + string(rune('a'+i)) + "/"})
	}
	c, err := core.Compile(core.Spec{Version: "1", Default: "a", Placements: []core.PlacementSpec{place}})
	if err != nil {
		t.Fatal(err)
	}
	d.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone)
	time.Sleep(15 * time.Second) // virtual
	synctest.Wait()
	d.View(func(r *core.Router) {
		for i := range int32(n) {
			if r.Endpoint(i).Unhealthy {
				unhealthy++
			}
		}
	})
	d.Close()
	p.Close()
	return unhealthy
}

func TestOnly2xxInTimeIsHealthy(t *testing.T) {
	for name, c := range map[string]struct {
		upstream roundTrip
		healthy  bool
	}{
		"200":                  {func(*http.Request) (*http.Response, error) { return answer(200), nil }, true},
		"204":                  {func(*http.Request) (*http.Response, error) { return answer(204), nil }, true},
		"a redirect":           {func(*http.Request) (*http.Response, error) { return answer(302), nil }, false},
		"404":                  {func(*http.Request) (*http.Response, error) { return answer(404), nil }, false},
		"500":                  {func(*http.Request) (*http.Response, error) { return answer(500), nil }, false},
		"connection refused":   {func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }, false},
		"an answer after 1.9s": {late(1900 * time.Millisecond), true},
		"an answer after 2.1s": {late(2100 * time.Millisecond), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if healthy := probed(t, 1, 0, c.upstream) == 0; healthy != c.healthy {
					t.Errorf("healthy is %v, want %v", healthy, c.healthy)
				}
			})
		})
	}
}

// late answers 200 after that time, as a transport does: it gives up with the request's context.
func late(after time.Duration) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(after):
			return answer(200), nil
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func TestAProbeGetsTheEndpointsPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probed(t, 1, 0, func(r *http.Request) (*http.Response, error) {
			if got := r.Method + " " + r.URL.String(); got != "GET http://a/a/healthz?deep" {
				t.Errorf("sent %s", got)
			}
			return answer(200), nil
		})
	})
}

func TestNoMoreProbesRunAtOnceThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		unhealthy := probed(t, 8, 2, func(r *http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			return late(100 * time.Millisecond)(r)
		})
		if most.Load() != 2 || unhealthy != 0 {
			t.Errorf("%d at once and %d of 8 unhealthy, want 2 and 0", most.Load(), unhealthy)
		}
	})
}

func TestCloseAbandonsAProbeThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := driver.New(driver.Options{})
		reports := 0
		hang := func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		p := New(Options{Report: func(int32, uint32, bool) { reports++ }, Transport: roundTrip(hang), Limit: 1})
		d.Handle(p.Sink)
		d.Run(t.Context())
		c, err := core.Compile(core.Spec{Version: "1", Default: "a", Placements: []core.PlacementSpec{{
			Name: "a", Endpoints: []core.EndpointSpec{{URL: "http://a"}, {URL: "http://b"}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		d.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone)
		time.Sleep(time.Second) // virtual: one hangs, one waits for its turn
		d.Close()
		p.Close() // synctest fails if a goroutine is left
		if reports != 0 {
			t.Errorf("%d reports of abandoned probes", reports)
		}
	})
}

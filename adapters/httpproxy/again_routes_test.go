package httpproxy_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/settings"
	"lockstep/core"
)

// lanes is a route for each host, with a key of its own source and a table of
// its own name. The placement full has room for one and a queue; spare has room.
func lanes(version string, routes ...settings.Route) core.Spec {
	quiet := core.HealthSpec{Off: true}
	s := core.Spec{
		Version: version, NoRouteStatus: 404,
		Placements: []core.PlacementSpec{
			{
				Name: "full", Health: quiet, Endpoints: []core.EndpointSpec{{URL: "http://full:80"}},
				Limit: core.LimitSpec{InFlight: 1, WhenFull: core.QueueWhenFull, Queue: 4, Wait: 2 * core.Second},
			},
			{Name: "spare", Health: quiet, Endpoints: []core.EndpointSpec{{URL: "http://spare:80"}}},
		},
		Tables: []core.TableSpec{
			{Name: "one", Keys: []core.KeySpec{{Key: "acme", Placement: "full"}}},
			{Name: "other", Keys: []core.KeySpec{{Key: "acme", Placement: "spare"}}},
		},
		Edge: settings.Whole{Routing: &settings.Routing{Routes: routes}}.Text(),
	}
	for i := range routes {
		name := "one"
		if routes[i].Name == "moved" {
			name = "other"
		}
		if i == 0 {
			s.Table = name
			continue
		}
		s.Routes = append(s.Routes, core.RouteSpec{Table: name})
	}
	return s
}

func lane(name, host string) settings.Route {
	return settings.Route{Name: name, Hosts: []string{host}, Sources: []settings.Source{{Header: "X-Tenant"}}}
}

func TestARequestThatWaitsIsResolvedAnewByAPushOfSeveralRoutes(t *testing.T) {
	before := lanes("1", lane("web", "web.example"), lane("api", "api.example"))
	gone := lanes("2", lane("web", "web.example"), lane("api", "api.example"))
	gone.Placements = gone.Placements[1:]
	gone.Tables[0].Keys = []core.KeySpec{{Key: "somebody", Placement: "spare"}}
	noRoute := lanes("2", lane("web", "web.example"), lane("elsewhere", "elsewhere.example"))
	wider := lanes("2", lane("web", "web.example"), lane("api", "api.example"))
	wider.Placements[0].Limit.InFlight = 2
	for name, c := range map[string]struct {
		after  core.Spec
		status int
		to     string
		waited time.Duration // after the push
	}{
		"its route has another index":     {lanes("2", lane("new", "new.example"), lane("web", "web.example"), lane("api", "api.example")), 200, "full", 500 * time.Millisecond},
		"its route has the first index":   {lanes("2", lane("api", "api.example"), lane("web", "web.example")), 200, "full", 500 * time.Millisecond},
		"its route reads another table":   {lanes("2", lane("web", "web.example"), lane("moved", "api.example")), 200, "spare", 0},
		"both":                            {lanes("2", lane("moved", "api.example"), lane("web", "web.example")), 200, "spare", 0},
		"its placement and key are gone":  {gone, 421, "", 0},
		"no route takes its host":         {noRoute, 404, "", 0},
		"its placement has room for more": {wider, 200, "full", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, before)
				slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/slow" {
						time.Sleep(time.Second)
					}
				})
				g.serve("full:80", slow)
				g.serve("spare:80", slow)
				first := make(chan int)
				go func() {
					res, _ := g.ask("GET", "web.example", "/slow", "", "X-Tenant", "acme")
					first <- res.StatusCode
				}()
				synctest.Wait()
				second := make(chan *http.Response)
				go func() {
					res, _ := g.ask("GET", "api.example", "/", "", "X-Tenant", "acme")
					second <- res
				}()
				time.Sleep(500 * time.Millisecond)
				g.waits(t, 1)
				config, err := core.Compile(c.after)
				if err != nil {
					t.Fatal(err)
				}
				pushed := time.Now()
				if d := g.driver.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone); d.Kind != core.Ack {
					t.Fatalf("adopt: %v %v", d.Kind, d.Cause)
				}
				res := <-second
				if to, took := res.Header.Get("X-Routed-To"), time.Since(pushed); res.StatusCode != c.status || c.status == 200 && to != c.to || took != c.waited {
					t.Errorf("%d from %q after %v, want %d from %q after %v", res.StatusCode, to, took, c.status, c.to, c.waited)
				}
				if status := <-first; status != 200 {
					t.Errorf("the one in flight got %d", status)
				}
				synctest.Wait()
				g.waits(t, 0)
				g.driver.View(func(r *core.Router) {
					if r.InFlight() != 0 || r.Counters().Bugs != 0 {
						t.Errorf("%d in flight, %d bugs", r.InFlight(), r.Counters().Bugs)
					}
				})
			})
		})
	}
}

func (g *rig) waits(t *testing.T, want int) {
	t.Helper()
	g.driver.View(func(r *core.Router) {
		if r.Waiting() != want {
			t.Errorf("%d requests wait, want %d", r.Waiting(), want)
		}
	})
}

func TestARequestInBackOffIsResolvedAnewByAPushOfSeveralRoutes(t *testing.T) {
	retrying := func(s core.Spec) core.Spec {
		for i := range s.Placements {
			s.Placements[i].Retries.Max = 1
		}
		return s
	}
	for name, c := range map[string]struct {
		after core.Spec
		to    string
	}{
		"its route has another index":   {lanes("2", lane("new", "new.example"), lane("web", "web.example"), lane("api", "api.example")), "full"},
		"its route reads another table": {lanes("2", lane("moved", "api.example"), lane("web", "web.example")), "spare"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, retrying(lanes("1", lane("web", "web.example"), lane("api", "api.example"))))
				failed := false
				g.serve("full:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !failed {
						failed = true
						w.Header().Set("Retry-After", "1")
						w.WriteHeader(503)
					}
				}))
				g.serve("spare:80", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				go func() {
					time.Sleep(500 * time.Millisecond)
					g.waits(t, 1)
					config, err := core.Compile(retrying(c.after))
					if err != nil {
						t.Error(err)
					}
					g.driver.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
				}()
				begun := time.Now()
				res, _ := g.ask("GET", "api.example", "/", "", "X-Tenant", "acme")
				took := time.Since(begun)
				if res.StatusCode != 200 || res.Header.Get("X-Routed-To") != c.to || took < time.Second || took > 1025*time.Millisecond {
					t.Errorf("%d from %q after %v, want %q after its back-off", res.StatusCode, res.Header.Get("X-Routed-To"), took, c.to)
				}
				synctest.Wait()
				g.waits(t, 0)
			})
		})
	}
}

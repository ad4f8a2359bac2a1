package probe

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// check makes an upstream of a function.
type check func(ctx context.Context, id upstream.Identity) error

func (f check) ask(ctx context.Context, id upstream.Identity, _ *core.Config, _ int) error {
	return f(ctx, id)
}

// probed runs one placement of n endpoints, fall and rise 1, against answers
// for 15 virtual seconds, in which every endpoint is probed at least once, and
// returns how many of them are unhealthy then.
func probed(t *testing.T, n, limit int, answers check) (unhealthy int) {
	d := driver.New(driver.Options{})
	p := New(Options{Report: d.Probed, Check: answers.ask, Limit: limit})
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

func TestAnAnswerInTimeIsHealthy(t *testing.T) {
	for name, c := range map[string]struct {
		upstream check
		healthy  bool
	}{
		"well":                 {late(0), true},
		"not well":             {func(context.Context, upstream.Identity) error { return errors.New("500") }, false},
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

// late is well after that time; it gives up with the context.
func late(after time.Duration) check {
	return func(ctx context.Context, _ upstream.Identity) error {
		select {
		case <-time.After(after):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestAProbeAsksItsEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probed(t, 1, 0, func(_ context.Context, id upstream.Identity) error {
			if id != (upstream.Identity{Placement: "a", URL: "http://a/a/"}) {
				t.Errorf("asked %+v", id)
			}
			return nil
		})
	})
}

func TestNoMoreProbesRunAtOnceThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		unhealthy := probed(t, 8, 2, func(ctx context.Context, id upstream.Identity) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			return late(100*time.Millisecond)(ctx, id)
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
		hang := check(func(ctx context.Context, _ upstream.Identity) error {
			<-ctx.Done()
			return ctx.Err()
		})
		p := New(Options{Report: func(int32, uint32, bool) { reports++ }, Check: hang.ask, Limit: 1})
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

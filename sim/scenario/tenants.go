package scenario

import (
	"lockstep/core"
	"lockstep/core/loop"
)

// tenants counts requests, and those answered well, by routing key and window:
// whom a failure reached. It is written by observers, so that a run pays for it
// only when somebody asks.
type tenants struct {
	window core.Duration
	counts map[tenant]*tenantCount
}

// tenant is a routing key in one window, with the home that it had there.
type tenant struct {
	key, home string
	window    int64
}

type tenantCount struct{ sent, well uint64 }

func newTenants(window core.Duration) *tenants {
	return &tenants{window: window, counts: map[tenant]*tenantCount{}}
}

// watch observes one life of a router. What a crash ends under it was not answered well.
func (t *tenants) watch(_ int, r *core.Router) loop.Observer {
	return &tenantWatch{tenants: t, r: r, out: map[uint32]*tenantCount{}}
}

type tenantWatch struct {
	tenants *tenants
	r       *core.Router
	out     map[uint32]*tenantCount // requests in flight, by slot
}

// Observe books requests of keys that have a home.
func (w *tenantWatch) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	switch {
	case ev.Kind == core.Arrive && ev.Handle.Gen == 0 && ev.Route.Placement >= 0:
		home := w.r.Config().Placement(int(ev.Route.Placement)).Name
		c := w.tenants.count(tenant{req.Key, home, int64(now) / int64(w.tenants.window)})
		c.sent++
		if d := &decisions[len(decisions)-1]; d.Kind == core.Forward {
			w.out[d.Handle.Slot] = c
		}
	case ev.Kind == core.Finish:
		c := w.out[ev.Handle.Slot]
		if c != nil && ev.Class == core.ClassNone && ev.Status < 500 {
			c.well++
		}
		delete(w.out, ev.Handle.Slot)
	}
}

func (t *tenants) count(at tenant) *tenantCount {
	c := t.counts[at]
	if c == nil {
		c = &tenantCount{}
		t.counts[at] = c
	}
	return c
}

// affected counts the keys that sent within e, and those of them with a request
// that was not answered well.
func (t *tenants) affected(e *Expectation) (hit, sent int64) {
	keys := map[string]bool{}
	for at, c := range t.counts {
		if from := core.Time(at.window * int64(t.window)); e.within(from) && e.wantsPlacement(at.home) {
			keys[at.key] = keys[at.key] || c.well < c.sent
		}
	}
	for _, h := range keys {
		hit += int64(b2i(h))
	}
	return hit, int64(len(keys))
}

// affected is the share of keys that a failure reached; 0 when none sent.
func (s *scope) affected() int64 {
	hit, sent := s.run.tenants.affected(s.e)
	return hit * million / max(sent, 1)
}

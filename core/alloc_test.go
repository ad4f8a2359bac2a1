package core_test

import (
	"testing"

	"lockstep/core"
)

// TestNoEventKindAllocates steps every kind of event through a warm router.
func TestNoEventKindAllocates(t *testing.T) {
	a, b := mustCompile(t, referenceSpec(100)), mustCompile(t, func() core.Spec {
		s := referenceSpec(100)
		s.Version = "other"
		s.Placements = s.Placements[:12] // endpoints leave and come back
		for i := range s.Placements {
			s.Placements[i].Fallback = nil
		}
		s.Keys = s.Keys[:12]
		return s
	}())
	out := make([]core.Decision, 0, 1024)
	now := core.Time(0)
	router := func() *core.Router {
		r := adopted(a)
		r.Reserve(b, 1024)
		out = r.Step(now, &core.Event{Kind: core.Tick}, out[:0])
		return r
	}
	r := router()
	route, _ := a.Match("tenant-0000003")
	arrive := core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route}
	forward := func() core.Decision {
		now += core.Time(core.Millisecond)
		out = r.Step(now, &arrive, out[:0])
		return out[len(out)-1]
	}
	kinds := map[string]func(){
		"arrive and finish ok": func() {
			out = r.Step(now, &core.Event{Kind: core.Finish, Handle: forward().Handle, Status: 200}, out[:0])
		},
		"arrive and finish failed, breakers moving": func() {
			out = r.Step(now, &core.Event{Kind: core.Finish, Handle: forward().Handle, Class: core.ConnectRefused}, out[:0])
		},
		"reply": func() {
			h := forward().Handle
			out = r.Step(now, &core.Event{Kind: core.Reply, Handle: h, Status: 200}, out[:0])
			out = r.Step(now, &core.Event{Kind: core.Finish, Handle: h, Status: 200}, out[:0])
		},
		"tick, with probes and their guards": func() {
			now += core.Time(10 * core.Second)
			out = r.Step(now, &core.Event{Kind: core.Tick}, out[:0])
		},
		"probed": func() {
			now += core.Time(10 * core.Second)
			out = r.Step(now, &core.Event{Kind: core.Tick}, out[:0])
			for i := range out {
				if out[i].Kind == core.Probe {
					d := out[i]
					out = r.Step(now, &core.Event{Kind: core.Probed, Endpoint: d.Endpoint, Token: d.Token, OK: i%2 == 0}, out[:0])
					break
				}
			}
		},
		"adopt, endpoints leaving and coming back": func() {
			next := a
			if r.Config() == a {
				next = b
			}
			out = r.Step(now, &core.Event{Kind: core.Adopt, Config: next}, out[:0])
			arrive.Epoch = r.Epoch()
		},
		"refused adopt": func() {
			out = r.Step(now, &core.Event{Kind: core.Adopt, Fault: core.FaultInvalid}, out[:0])
		},
		"control":        func() { out = r.Step(now, &core.Event{Kind: core.Control}, out[:0]) },
		"unknown handle": func() { out = r.Step(now, &core.Event{Kind: core.Finish}, out[:0]) },
		"unknown kind":   func() { out = r.Step(now, &core.Event{Kind: 200}, out[:0]) },
		"digest":         func() { forward(); r.Digest() },
		"drain with attempts left": func() {
			r.Step(now, &core.Event{Kind: core.Drain, Deadline: now}, out[:0])
			out = r.Step(now+1, &core.Event{Kind: core.Tick}, out[:0])
		},
	}
	for name, step := range kinds {
		r = router()
		arrive.Epoch = r.Epoch()
		step()
		step()
		if n := testing.AllocsPerRun(200, step); n != 0 {
			t.Errorf("%s: %v allocations a run", name, n)
		}
	}
}

// TestRoomAllocatesNothing does the same for what shares out a placement's room.
func TestRoomAllocatesNothing(t *testing.T) {
	spec := referenceSpec(100)
	for i := range spec.Placements {
		p := &spec.Placements[i]
		p.Panic, p.Limit.TenantShare, p.Limit.Priorities = 50, 50, [core.MaxPriorities]uint8{100, 50}
		p.Limit.Adaptive = core.AdaptiveSpec{Min: 2, Max: 1000}
		for e := range p.Endpoints {
			p.Endpoints[e].Limit = 500
		}
	}
	c := mustCompile(t, spec)
	r := adopted(c)
	out := make([]core.Decision, 0, 1024)
	now := core.Time(0)
	route, _ := c.Match("tenant-0000003")
	arrive := core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route}
	step := func() {
		now += core.Time(20 * core.Millisecond)
		arrive.Priority++
		out = r.Step(now, &arrive, out[:0])
		h := out[len(out)-1].Handle
		out = r.Step(now+core.Time(core.Millisecond), &core.Event{Kind: core.Finish, Handle: h, Status: 200}, out[:0])
		r.Digest()
	}
	for range 200 {
		step()
	}
	if n := testing.AllocsPerRun(500, step); n != 0 {
		t.Errorf("%v allocations a request", n)
	}
	var clone core.Router
	clone.CopyFrom(r)
	if n := testing.AllocsPerRun(20, func() { clone.CopyFrom(r) }); n != 0 {
		t.Errorf("%v allocations a copy", n)
	}
	if clone.Digest() != r.Digest() {
		t.Error("the copy has another digest")
	}
	step()
	if clone.Digest() == r.Digest() {
		t.Error("a step of the one moved the other")
	}
}

// TestAnAdoptMakesLimitsTablesAndComparisonsAndNothingElse: what Reserve leaves to it.
func TestAnAdoptMakesLimitsTablesAndComparisonsAndNothingElse(t *testing.T) {
	guards := core.GuardSpec{KeysRemoved: 50}
	config := func(version string, change func(*core.LimitSpec)) *core.Config {
		s := referenceSpec(100)
		s.Version, s.Guards = version, guards
		for i := range s.Placements {
			s.Placements[i].Limit.InFlight = 1000
			change(&s.Placements[i].Limit)
		}
		return mustCompile(t, s)
	}
	plain := config("plain", func(*core.LimitSpec) {})
	for name, c := range map[string]struct {
		other  *core.Config
		origin core.Origin
		change bool
		most   int // allocations for each of 16 placements, there and back
	}{
		"nothing":                  {config("other", func(*core.LimitSpec) {}), core.OriginFile, false, 0},
		"an adaptive limit":        {config("other", func(l *core.LimitSpec) { l.Adaptive.Max = 50 }), core.OriginFile, false, 16},
		"tables of tenants":        {config("other", func(l *core.LimitSpec) { l.TenantShare = 50 }), core.OriginFile, false, 16},
		"a push that was compared": {config("other", func(*core.LimitSpec) {}), core.OriginControl, true, 0},
		"a push that is compared":  {config("other", func(*core.LimitSpec) {}), core.OriginControl, false, 100},
	} {
		r := adopted(plain)
		r.Reserve(c.other, 0)
		there, back := core.Event{Kind: core.Adopt, Config: c.other, Origin: c.origin}, core.Event{Kind: core.Adopt, Config: plain, Origin: c.origin}
		if c.change {
			there.Change, back.Change = core.Compare(plain, c.other), core.Compare(c.other, plain)
		}
		out := make([]core.Decision, 0, 1024)
		n := testing.AllocsPerRun(50, func() {
			out = r.Step(0, &there, out[:0])
			out = r.Step(0, &back, out)
		})
		if r.Config() != plain || int(n) > c.most || n == 0 && c.most > 0 {
			t.Errorf("%s: %v allocations, at most %d", name, n, c.most)
		}
	}
}

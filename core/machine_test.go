package core_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
)

// A state machine for rapid: what the checkers of the simulator and the
// exhaustive search do not reach. Endpoints leave and come back while their
// attempts are in flight, any number of times (R12); a drain cuts what is left
// (R14); and what names nothing moves nothing.

// machine is a router and what the rules say of it.
type machine struct {
	step    func(r *core.Router, now core.Time, ev *core.Event) []core.Decision
	r       *core.Router
	now     core.Time
	configs []*core.Config
	flying  []attempt
	left    map[string]core.EndpointView // as each endpoint was when it left; no more than it holds slots
	drained core.Time                    // when what is left is cut; 0: nobody drains
	cut     map[core.Handle]bool
	problem string // the first thing that the rules do not allow
}

// attempt is one that the router admitted and that has not ended.
type attempt struct {
	handle core.Handle
	id     string // of its endpoint: placement and URL
}

// newMachine compiles configurations of which each lacks something that others have.
func newMachine(step func(*core.Router, core.Time, *core.Event) []core.Decision) *machine {
	m := &machine{step: step, r: core.New(core.Options{Seed: 5, Strict: true}), left: map[string]core.EndpointView{}, cut: map[core.Handle]bool{}}
	for i, urls := range [][2][]string{{{"1", "2"}, {"3"}}, {{"2"}, {"3"}}, {{"1"}, {"3", "4"}}, {{}, {"4"}}} {
		s := core.Spec{Version: fmt.Sprint(i)}
		for k, name := range []string{"a", "b"} {
			p := core.PlacementSpec{
				Name: name, Limit: core.LimitSpec{InFlight: 5}, Health: core.HealthSpec{Off: true},
				Breaker: core.BreakerSpec{Failures: 2, Open: 10 * core.Second},
			}
			for _, u := range urls[k] {
				p.Endpoints = append(p.Endpoints, core.EndpointSpec{URL: "http://" + u})
			}
			if len(p.Endpoints) > 0 {
				s.Placements = append(s.Placements, p)
				s.Keys = append(s.Keys, core.KeySpec{Key: name, Placement: name})
			}
		}
		c, err := core.Compile(s)
		if err != nil {
			panic(err) // the table above is wrong
		}
		m.configs = append(m.configs, c)
	}
	m.feed(&core.Event{Kind: core.Adopt, Config: m.configs[0]})
	return m
}

func (m *machine) fail(format string, args ...any) {
	if m.problem == "" {
		m.problem = fmt.Sprintf(format, args...)
	}
}

// feed makes one step and holds what it cut against what it had to cut.
func (m *machine) feed(ev *core.Event) core.Decision {
	due := m.drained > 0 && m.drained <= m.now
	last := core.Decision{}
	for _, d := range m.step(m.r, m.now, ev) {
		last = d
		switch d.Kind {
		case core.Abort:
			if !due || m.cut[d.Handle] || !m.has(d.Handle) {
				m.fail("attempt %v is cut, at %d", d.Handle, m.now)
			}
			m.cut[d.Handle] = true
		case core.NoteDrained:
			for _, a := range m.flying {
				if !m.cut[a.handle] {
					m.fail("drained, and attempt %v is not cut", a.handle)
				}
			}
		}
	}
	if due {
		m.drained = core.Never
	}
	return last
}

func (m *machine) has(h core.Handle) bool {
	for _, a := range m.flying {
		if a.handle == h {
			return true
		}
	}
	return false
}

// views returns every endpoint that exists by its identity.
func (m *machine) views() map[string]core.EndpointView {
	all := map[string]core.EndpointView{}
	for n := range int32(m.r.Endpoints()) {
		if v := m.r.Endpoint(n); v.Name != "" {
			v.Placement = -1 // numbers may change
			all[m.r.Placement(m.r.Endpoint(n).Placement).Name+" "+v.URL] = v
		}
	}
	return all
}

func (m *machine) arrive(t *rapid.T) {
	route, _ := m.r.Config().Match(rapid.SampledFrom([]string{"a", "b", "nobody"}).Draw(t, "key"))
	d := m.feed(&core.Event{Kind: core.Arrive, Epoch: m.r.Epoch(), Request: rapid.Uint64().Draw(t, "request"), Route: route})
	switch {
	case m.drained > 0 && d.Class != core.Draining:
		m.fail("a draining router answers %s %s", d.Kind, d.Class)
	case d.Kind == core.Forward && m.has(d.Handle):
		m.fail("two attempts have the handle %v", d.Handle)
	case d.Kind == core.Forward:
		e := m.r.Endpoint(d.Endpoint)
		if e.Index < 0 {
			m.fail("%s has left and takes a request", e.URL)
		}
		m.flying = append(m.flying, attempt{d.Handle, m.r.Placement(d.Placement).Name + " " + e.URL})
	}
}

// end ends an attempt, or says that its headers came.
func (m *machine) end(t *rapid.T, kind core.EventKind) {
	if len(m.flying) == 0 {
		t.Skip("nothing is in flight")
	}
	i := rapid.IntRange(0, len(m.flying)-1).Draw(t, "attempt")
	ev := core.Event{Kind: kind, Handle: m.flying[i].handle, Status: rapid.SampledFrom([]uint16{200, 500}).Draw(t, "status")}
	if kind == core.Finish {
		m.flying = append(m.flying[:i:i], m.flying[i+1:]...)
	}
	m.feed(&ev)
}

// stray sends what names nothing: an attempt that has ended, or never was.
func (m *machine) stray(t *rapid.T) {
	h := core.Handle{Slot: rapid.Uint32Range(0, 9).Draw(t, "slot"), Gen: rapid.Uint32Range(0, 20).Draw(t, "gen")}
	if m.has(h) {
		t.Skip("it is in flight")
	}
	before := m.r.Digest()
	d := m.feed(&core.Event{Kind: rapid.SampledFrom([]core.EventKind{core.Finish, core.Reply}).Draw(t, "kind"), Handle: h, Status: 500})
	if d.Kind != core.NoteIgnored || m.r.Digest() != before {
		m.fail("%v, which names nothing, got %s", h, d.Kind)
	}
}

// push adopts another configuration: what stays, comes back or is only retiring
// is as it was; what is new, or comes back after it had retired, is fresh.
func (m *machine) push(t *rapid.T) {
	before := m.views()
	if d := m.feed(&core.Event{Kind: core.Adopt, Config: rapid.SampledFrom(m.configs).Draw(t, "configuration")}); d.Kind != core.Ack {
		m.fail("a push got %s", d.Kind)
	}
	for id, now := range m.views() {
		was, known := before[id]
		if !known {
			was = core.EndpointView{Name: now.Name, URL: now.URL, Placement: -1, Breaker: core.Closed, NextProbe: core.Never}
		}
		was.Index = now.Index
		if now.Index < 0 {
			was.Probes = 0 // a half-open probe of one that leaves is called in
			m.left[id] = now
		} else {
			delete(m.left, id)
		}
		if d := cmp.Diff(was, now); d != "" {
			m.fail("a push changed %s: %s", id, d)
		}
	}
}

// check compares the router with the model after every action.
func (m *machine) check() {
	holds := map[string]int{}
	for _, a := range m.flying {
		holds[a.id]++
	}
	views := m.views()
	for id, v := range views {
		if v.InFlight != holds[id] {
			m.fail("%s holds %d slots, %d attempts are out", id, v.InFlight, holds[id])
		}
		was, left := m.left[id]
		switch {
		case v.Index < 0 && v.InFlight == 0:
			m.fail("%s has left, holds nothing, and has not retired", id)
		case left && (was.Breaker != v.Breaker || was.Failures != v.Failures || was.Until != v.Until):
			m.fail("the breaker of %s moved although it has left", id)
		}
	}
	for id := range holds {
		if views[id].Name == "" {
			m.fail("%s is gone, with %d attempts", id, holds[id])
		}
	}
	for id := range m.left {
		if holds[id] == 0 {
			delete(m.left, id)
		}
	}
	if m.r.Digest() != m.r.DigestByTheSpec() {
		m.fail("digest %x, that of the state is %x", m.r.Digest(), m.r.DigestByTheSpec())
	}
}

// actions are what rapid may do, in any order and as often as it likes.
func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"arrive": m.arrive,
		"finish": func(t *rapid.T) { m.end(t, core.Finish) },
		"reply":  func(t *rapid.T) { m.end(t, core.Reply) },
		"stray":  m.stray,
		"push":   m.push,
		"pass": func(t *rapid.T) {
			m.now += core.Time(rapid.SampledFrom([]core.Duration{core.Millisecond, 10 * core.Second, 20 * core.Second}).Draw(t, "pass"))
			m.feed(&core.Event{Kind: core.Tick})
		},
		"drain": func(t *rapid.T) {
			if m.drained > 0 || rapid.IntRange(0, 9).Draw(t, "drain") < 9 {
				t.Skip("a router drains once, and not at once")
			}
			m.drained = m.now.Add(core.Second)
			m.feed(&core.Event{Kind: core.Drain, Deadline: m.drained})
		},
		"": func(*rapid.T) { m.check() },
	}
}

func honest(r *core.Router, now core.Time, ev *core.Event) []core.Decision {
	return r.Step(now, ev, nil)
}

func TestEndpointsThatLeaveAndComeBackKeepWhatIsTheirsAndADrainCutsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(honest)
		actions := m.actions()
		actions[""] = func(t *rapid.T) {
			if m.check(); m.problem != "" {
				t.Fatal(m.problem)
			}
		}
		t.Repeat(actions)
	})
}

func TestTheStateMachineFindsPlantedBugs(t *testing.T) {
	off, err := core.Compile(core.Spec{Version: "off", Placements: []core.PlacementSpec{
		{Name: "a", Endpoints: []core.EndpointSpec{{URL: "http://1"}, {URL: "http://2"}}, Breaker: core.BreakerSpec{Off: true}},
		{Name: "b", Endpoints: []core.EndpointSpec{{URL: "http://3"}, {URL: "http://4"}}, Breaker: core.BreakerSpec{Off: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for bug, step := range map[string]func(*core.Router, core.Time, *core.Event) []core.Decision{
		"a push closes breakers": func(r *core.Router, now core.Time, ev *core.Event) []core.Decision {
			if ev.Kind == core.Adopt && r.Config() != nil {
				r.Step(now, &core.Event{Kind: core.Adopt, Config: off}, nil)
			}
			return r.Step(now, ev, nil)
		},
		"the end of an attempt is lost": func(r *core.Router, now core.Time, ev *core.Event) []core.Decision {
			if a, ok := r.Attempt(ev.Handle); ok && ev.Kind == core.Finish && r.Endpoint(a.Endpoint).Index < 0 {
				ev = &core.Event{Kind: core.Tick}
			}
			return r.Step(now, ev, nil)
		},
		"a drain forgets one attempt": func(r *core.Router, now core.Time, ev *core.Event) []core.Decision {
			out := r.Step(now, ev, nil)
			for i := range out {
				if out[i].Kind == core.Abort {
					return append(out[:i:i], out[i+1:]...)
				}
			}
			return out
		},
	} {
		found := ""
		search := rapid.Custom(func(t *rapid.T) string {
			m := newMachine(step)
			t.Repeat(m.actions())
			return m.problem
		})
		for seed := 0; seed < 300 && found == ""; seed++ {
			if found = search.Example(seed); found != "" {
				t.Logf("%s: found by seed %d: %.120s", bug, seed, found)
			}
		}
		if found == "" {
			t.Errorf("%s: not found", bug)
		}
	}
}

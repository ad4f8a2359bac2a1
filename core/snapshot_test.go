package core

import (
	"strings"
	"testing"
)

// busy returns a router with something of everything: attempts, a guest, a
// half-open probe, an open breaker, an active probe out, a retiring endpoint.
func busy(t *testing.T) *Router {
	t.Helper()
	spec := func(version string, urls ...string) *Config {
		p := PlacementSpec{Name: "visa", Select: First, Fallback: []string{"tier1"}, Breaker: BreakerSpec{Failures: 1, Open: Second}}
		for _, u := range urls {
			p.Endpoints = append(p.Endpoints, EndpointSpec{URL: "http://" + u})
		}
		c, err := Compile(Spec{Version: version, Placements: []PlacementSpec{p, {Name: "tier1", Endpoints: []EndpointSpec{{URL: "http://t"}}, Health: HealthSpec{Off: true}}}})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	r := New(Options{Seed: 5, Strict: true})
	step := func(now Time, ev Event) Decision {
		if ev.Kind == Arrive {
			ev.Epoch, ev.Route.Placement = r.epoch, 1
		}
		out := r.Step(now, &ev, nil)
		if len(out) == 0 {
			return Decision{}
		}
		return out[len(out)-1]
	}
	step(0, Event{Kind: Adopt, Config: spec("1", "a", "b", "c")})
	step(0, Event{Kind: Tick})
	for range 3 {
		step(1, Event{Kind: Finish, Handle: step(1, Event{Kind: Arrive}).Handle, Status: 500})
	}
	step(2, Event{Kind: Arrive}) // all open: a guest in tier1
	step(Time(Second)+1, Event{Kind: Arrive})
	step(Time(Second)+1, Event{Kind: Arrive})
	step(Time(Second)+2, Event{Kind: Adopt, Config: spec("2", "b", "c")})
	var kinds [4]int
	for i := range r.endpoints {
		kinds[r.endpoints[i].breaker.state]++
	}
	if r.InFlight() != 3 || r.placements[0].guests != 1 || kinds[HalfOpen] != 2 || kinds[Open] != 1 || r.endpoints[1].config >= 0 {
		t.Fatalf("the world is not as busy as it should be: %d in flight, %d guests, breakers %v", r.InFlight(), r.placements[0].guests, kinds)
	}
	return r
}

func TestASnapshotThatIsCutOrLongerIsRefused(t *testing.T) {
	r := busy(t)
	whole := r.Snapshot(nil)
	if got, err := Restore(whole, r.config, true); err != nil || got.Digest() != r.Digest() {
		t.Fatal(err)
	}
	for n := range whole {
		if _, err := Restore(whole[:n], r.config, true); err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(whole))
		}
	}
	if _, err := Restore(append(whole, 0), r.config, true); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("one byte too many: %v", err)
	}
}

func TestASnapshotNamesItsConfiguration(t *testing.T) {
	r := busy(t)
	digest, seed, err := SnapshotConfig(r.Snapshot(nil))
	if digest != r.config.digest || seed != 5 || err != nil {
		t.Errorf("%x %d %v", digest, seed, err)
	}
	for _, c := range []*Config{nil, peers(t, First, 1).config} {
		if _, err := Restore(r.Snapshot(nil), c, true); err == nil || !strings.Contains(err.Error(), "another configuration") {
			t.Errorf("under another configuration: %v", err)
		}
	}
	empty := New(Options{Seed: 9})
	if digest, seed, err := SnapshotConfig(empty.Snapshot(nil)); digest != 0 || seed != 9 || err != nil {
		t.Errorf("before the first configuration: %x %d %v", digest, seed, err)
	}
	if _, err := Restore(empty.Snapshot(nil), r.config, true); err == nil {
		t.Error("a snapshot without a configuration is restored under one")
	}
	if _, _, err := SnapshotConfig([]byte{9}); err == nil || !strings.Contains(err.Error(), "version is not 1") {
		t.Errorf("another version: %v", err)
	}
}

// TestAStateThatCannotBeIsRefused writes snapshots of states that no run reaches.
func TestAStateThatCannotBeIsRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		plant func(r *Router)
		want  string
	}{
		{"an endpoint counts too many", func(r *Router) { r.endpoints[0].inFlight++ }, "an endpoint's count"},
		{"a placement counts too many", func(r *Router) { r.placements[0].inFlight++ }, "a placement's count"},
		{"a placement has a guest too few", func(r *Router) { r.placements[0].guests-- }, "a placement's count"},
		{"a breaker without a state", func(r *Router) { r.endpoints[0].breaker.state = CircuitNone }, "a breaker's state is impossible"},
		{"a breaker of a fourth state", func(r *Router) { r.endpoints[0].breaker.state = HalfOpen + 1 }, "out of range"},
		{"a closed breaker with a probe", func(r *Router) { r.endpoints[0].breaker.probes = 1 }, "a breaker's state is impossible"},
		{"nine probes", func(r *Router) { r.endpoints[0].breaker.probes = MaxProbes }, ""},
		{"growth past its bound", func(r *Router) { r.endpoints[0].breaker.reopened = maxReopened + 1 }, "out of range"},
		{"an attempt at no endpoint", func(r *Router) { r.slots.at(0).endpoint = 99 }, "an attempt belongs to no endpoint"},
		{"an attempt just past the endpoints", func(r *Router) { r.slots.at(0).endpoint = int32(len(r.endpoints)) }, "an attempt belongs to no endpoint"},
		{"an attempt without a generation", func(r *Router) { r.slots.at(0).gen = 0 }, "an attempt belongs to no endpoint"},
		{"an endpoint at no placement", func(r *Router) { r.endpoints[0].placement = 99 }, "an endpoint belongs to no placement"},
		{"an endpoint just past the placements", func(r *Router) { r.endpoints[0].placement = int32(len(r.placements)) }, "an endpoint belongs to no placement"},
		{"an endpoint that is not configured", func(r *Router) { r.endpoints[0].url = "http://x" }, "an endpoint is not in the configuration"},
		{"an endpoint is missing", func(r *Router) { r.endpoints[0].config = -1 }, "does not cover its configuration"},
		{"a retiring endpoint is probed", func(r *Router) { r.timers.set(timerHealth, 1, 5) }, "a retiring endpoint is probed"},
		{"a retiring endpoint has a guard", func(r *Router) { r.timers.set(timerHealthGuard, 1, 5) }, "a retiring endpoint is probed"},
		{"a retiring endpoint has a probe out", func(r *Router) { r.endpoints[1].health.token = 5 }, "a retiring endpoint is probed"},
		{"a retiring endpoint has a half-open probe", func(r *Router) { r.endpoints[1].breaker.probes = 1 }, "a retiring endpoint has a half-open probe out"},
		{"an endpoint retires with nothing", func(r *Router) {
			r.endpoints[3].config, r.endpoints[3].health.token = -1, 0
			r.stopHealth(3)
		}, "a retiring endpoint holds nothing"},
		{"a probe where health is off", func(r *Router) { r.timers.set(timerHealth, 0, Time(5*Second)) }, "an endpoint whose health is off is probed"},
		{"a guard where health is off", func(r *Router) { r.timers.set(timerHealthGuard, 0, Time(5*Second)) }, "an endpoint whose health is off is probed"},
		{"health where it is off", func(r *Router) { r.endpoints[0].health.unhealthy = true }, "an endpoint whose health is off is probed"},
		{"a probe that was due", func(r *Router) { r.timers.set(timerHealth, 2, r.now-1) }, "a deadline has passed"},
		{"one endpoint twice", func(r *Router) { r.endpoints = append(r.endpoints, r.endpoints[3]) }, "two endpoints have one identity"},
		{"one placement twice", func(r *Router) {
			p := r.placements[0]
			p.inFlight, p.guests = 0, 0
			r.placements = append(r.placements, p)
		}, "two placements have one name"},
		{"a time past the last", func(r *Router) { r.now = latest + 1 }, "out of range"},
		{"a drain past the table", func(r *Router) { r.abortFrom = MaxInFlight + 1 }, "out of range"},
	} {
		r := busy(t)
		c.plant(r)
		_, err := Restore(r.Snapshot(nil), r.config, true)
		if c.want == "" {
			continue // only must not panic
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestTwoAttemptsCannotHoldOneSlot(t *testing.T) {
	r := busy(t)
	w := writer{r.Snapshot(nil)}
	// The last attempt again: one attempt more in the count, the same slot.
	var last uint32
	for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
		last = n
	}
	var one writer
	one.slot(last, r.slots.at(last))
	r.slots.live++
	twice := writer{r.Snapshot(nil)}
	if len(twice.b) != len(w.b) {
		t.Fatal("the count of attempts takes another length")
	}
	if _, err := Restore(append(twice.b, one.b...), r.config, true); err == nil || !strings.Contains(err.Error(), "two attempts hold one slot") {
		t.Error(err)
	}
}

func TestAnAttemptOutsideTheTableIsRefused(t *testing.T) {
	r := busy(t)
	whole := r.Snapshot(nil)
	var last, outside writer
	last.slot(2, r.slots.at(2)) // the last of three
	outside.slot(MaxInFlight, r.slots.at(2))
	forged := append(whole[:len(whole)-len(last.b)], outside.b...)
	if _, err := Restore(forged, r.config, true); err == nil || !strings.Contains(err.Error(), "out of range") {
		t.Error(err)
	}
}

// wearOut uses whatever a state offers; it must not panic.
func wearOut(r *Router) {
	for range 3 {
		for p := range int32(len(r.config.placements)) {
			out := r.Step(r.now, &Event{Kind: Arrive, Epoch: r.epoch, Route: Route{Placement: p}}, nil)
			r.Step(r.now, &Event{Kind: Finish, Handle: out[len(out)-1].Handle, Status: 500}, nil)
		}
		for n, ok := r.slots.next(0); ok; n, ok = r.slots.next(n + 1) {
			r.Step(r.now, &Event{Kind: Finish, Handle: Handle{n, r.slots.at(n).gen}, Status: 200}, nil)
		}
		r.Step(r.now.Add(100*Second), &Event{Kind: Tick}, nil)
		r.Digest()
	}
}

// TestNoFlippedByteLeadsToAPanic tries every byte with several values, and
// goes on with every state that is accepted.
func TestNoFlippedByteLeadsToAPanic(t *testing.T) {
	r := busy(t)
	whole := r.Snapshot(nil)
	for i := range whole {
		for _, v := range []byte{0, 1, 0x7f, 0x80, 0xff, whole[i] + 1, whole[i] - 1} {
			b := append([]byte{}, whole...)
			b[i] = v
			if got, err := Restore(b, r.config, false); err == nil {
				wearOut(got)
			}
		}
	}
}

// TestARestoredRouterShowsTheSameViews includes numbers that are free and a
// placement that has left but for one attempt.
func TestARestoredRouterShowsTheSameViews(t *testing.T) {
	left := func(attempts int) *Router {
		r := New(Options{Strict: true})
		adopt(t, r, placements(t, "1", []string{"a", "a1"}, []string{"b", "b1"}))
		for range attempts {
			send(r, 1, 1)
		}
		adopt(t, r, placements(t, "2", []string{"b", "b1"}))
		return r
	}
	for _, r := range []*Router{left(0), left(1), busy(t)} {
		twin, err := Restore(r.Snapshot(nil), r.config, true)
		if err != nil {
			t.Fatal(err)
		}
		for n := range int32(r.Placements()) {
			if got, want := twin.Placement(n), r.Placement(n); got != want {
				t.Errorf("placement %d: %+v, want %+v", n, got, want)
			}
		}
		for n := range int32(r.Endpoints()) {
			if got, want := twin.Endpoint(n), r.Endpoint(n); got != want {
				t.Errorf("endpoint %d: %+v, want %+v", n, got, want)
			}
		}
	}
}

func TestAStateWithoutAConfigurationHasNothingInIt(t *testing.T) {
	r := New(Options{})
	r.placements = []placement{{id: 1, name: "a", config: -1}}
	if _, err := Restore(r.Snapshot(nil), nil, false); err == nil || !strings.Contains(err.Error(), "and no configuration") {
		t.Error(err)
	}
}

// TestARefusalWithAnyPlacementIsTaken: a request that waits is matched again, and
// what it is refused with names a placement that there is not.
func TestARefusalWithAnyPlacementIsTaken(t *testing.T) {
	for _, placement := range []int32{-1, 0, 1, 7, 1<<31 - 1, -1 << 31} {
		g := newRig(t, PlacementSpec{Name: "a", Endpoints: endpoints("1"), Limit: queueOf(1, 2)})
		g.arrive("a")
		waits := g.want(g.arrive("a"), Queued, ClassNone)
		d := g.step(Event{
			Kind: Arrive, Handle: waits.Handle, Epoch: g.r.epoch, Request: g.r.slots.at(waits.Handle.Slot).request,
			Route: Route{Placement: placement, Refuse: UnknownKey, Reason: 200},
		})
		if twin, err := Restore(g.r.Snapshot(nil), g.r.config, true); err != nil || twin.Digest() != g.r.Digest() {
			t.Errorf("placement %d, answered %s: %v", placement, d.Kind, err)
		}
	}
}

func TestAnAdaptiveLimitOfMoreThanItsSamplesIsRefused(t *testing.T) {
	g := newRig(t, PlacementSpec{Name: "a", Endpoints: endpoints("1"), Limit: LimitSpec{Adaptive: AdaptiveSpec{Max: 9}}})
	g.end(g.arrive("a"))
	for sum, want := range map[uint64]bool{uint64(MaxDuration): true, uint64(MaxDuration) + 1: false} {
		g.r.placements[0].adaptive.count, g.r.placements[0].adaptive.sum = 1, sum
		if _, err := Restore(g.r.Snapshot(nil), g.r.config, true); (err == nil) != want {
			t.Errorf("a sample of %d: %v", sum, err)
		}
	}
}

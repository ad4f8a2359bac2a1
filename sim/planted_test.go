package sim

import (
	"strings"
	"testing"

	"lockstep/core"
)

const sec = core.Time(core.Second)

// troubled is a run in which everything that the checkers judge happens:
// p0 fails and comes back, its traffic fills p1, p2 refuses connections to
// health probes only, pushes come stale and damaged, and the router drains.
func troubled() Plan {
	place := func(name string, fallback ...string) core.PlacementSpec {
		return core.PlacementSpec{
			Name: name, Fallback: fallback, Endpoints: []core.EndpointSpec{{URL: "http://" + name + ":80"}},
			Limit:    core.LimitSpec{InFlight: 6, Guests: 2},
			Breaker:  core.BreakerSpec{Failures: 3, Open: core.Second},
			Health:   core.HealthSpec{Every: 500 * core.Millisecond, Timeout: 100 * core.Millisecond},
			Timeouts: core.TimeoutSpec{ResponseHeader: 2 * core.Second},
		}
	}
	spec := core.Spec{
		Version: "1", Default: "p2", Placements: []core.PlacementSpec{place("p0", "p1"), place("p1"), place("p2")},
		Keys: []core.KeySpec{{Key: "a", Placement: "p0"}, {Key: "b", Placement: "p1"}, {Key: "c", Placement: "p2"}},
	}
	newer := spec
	newer.Version = "2"
	return Plan{
		Name: "troubled", Length: 20 * core.Second, Spec: spec, Epoch: core.Epoch{Number: 5},
		Clients: []Client{{Name: "all", Rate: 90, Poisson: true, NoKey: 10_000, Unknown: 10_000}},
		Backend: Backend{Service: Service{Shape: Exponential, Typical: 80 * core.Millisecond}},
		Faults: []Fault{
			{Kind: Flaky, Placement: "p0", At: 2 * sec, Until: 6 * sec},
			{Kind: HealthDown, Placement: "p2", At: 3 * sec, Until: 6 * sec},
			{Kind: Drain, At: 18 * sec, Until: 19 * sec},
		},
		Pushes: []Push{
			{At: 8 * sec, Spec: &newer, Epoch: core.Epoch{Number: 4}},
			{At: 9 * sec, Garbage: true},
			{At: 10 * sec, Spec: &newer, Epoch: core.Epoch{Number: 6}},
		},
	}
}

type tamper func(r *core.Router, now core.Time, ev *core.Event, d *core.Decision)

// onFirst makes a tamper that acts once, on the first decision that it is for.
func onFirst(is func(d *core.Decision) bool, do func(d *core.Decision)) tamper {
	done := false
	return func(_ *core.Router, _ core.Time, _ *core.Event, d *core.Decision) {
		if !done && is(d) {
			done = true
			do(d)
		}
	}
}

func refused(class core.Class) func(d *core.Decision) bool {
	return func(d *core.Decision) bool { return d.Kind == core.Reject && d.Class == class }
}

func kind(k core.DecisionKind) func(d *core.Decision) bool {
	return func(d *core.Decision) bool { return d.Kind == k }
}

// admit turns a refusal into an admission at endpoint e of the placement with the same number.
func admit(e int32) func(d *core.Decision) {
	return func(d *core.Decision) {
		*d = core.Decision{Kind: core.Forward, Rule: 3, Reason: d.Reason, Circuit: core.Closed, Placement: e, Endpoint: e, Handle: core.Handle{Slot: 500, Gen: 1}, At: d.At}
	}
}

func become(k core.DecisionKind) func(d *core.Decision) {
	return func(d *core.Decision) { d.Kind = k }
}

func guestIn(placement int32) func(d *core.Decision) bool {
	return func(d *core.Decision) bool {
		return d.Kind == core.Forward && d.Placement == placement && d.Failover != core.FailoverNone
	}
}

// planted is the table of README.md: each bug, the property that catches it, and part of what it says.
func planted() []struct {
	bug, property, says string
	tamper              tamper
} {
	half, full := core.Circuit(0), false
	return []struct {
		bug, property, says string
		tamper              tamper
	}{
		{
			"the placement that was left is named in the answer", "R4", "did not serve",
			onFirst(guestIn(1), func(d *core.Decision) { d.Placement = 0 }),
		},
		{
			"the slot is charged to the placement that was left", "R4", "holds",
			onFirst(guestIn(1), func(d *core.Decision) { d.Placement, d.Endpoint = 0, 0 }),
		},
		{
			"the wrong failover reason is told", "R4", "failover",
			onFirst(guestIn(1), func(d *core.Decision) { d.Failover = core.FailoverLimit }),
		},
		{
			"a probe's answer says closed", "R4", "circuit",
			onFirst(func(d *core.Decision) bool { return d.Kind == core.Forward && d.Probe }, func(d *core.Decision) { d.Circuit = core.Closed }),
		},
		{
			"a request is sent past a healthy home placement", "R3", "by the rules it is forwarded",
			onFirst(func(d *core.Decision) bool { return d.Kind == core.Forward && d.Placement == 0 }, func(d *core.Decision) { d.Placement, d.Endpoint = 1, 1 }),
		},
		{"one more than the limit is admitted", "R5", "the limit is 6", onFirst(func(d *core.Decision) bool { return refused(core.LimitReached)(d) && d.Placement == 2 }, admit(2))},
		{
			"one more guest than the cap is admitted", "R5", "the cap is 2",
			func(r *core.Router, _ core.Time, ev *core.Event, d *core.Decision) {
				if !full && d.Kind == core.Reject && d.Class != core.Draining && ev.Route.Placement == 0 && r.Placement(1).Guests == 2 {
					full = true
					admit(1)(d)
				}
			},
		},
		{
			"a request is refused although there is room", "R5", "by the rules it is forwarded",
			onFirst(kind(core.Forward), func(d *core.Decision) { d.Kind, d.Class = core.Reject, core.LimitReached }),
		},
		{
			"a home request is refused because of guests", "R15", "home slots taken",
			func(r *core.Router, _ core.Time, _ *core.Event, d *core.Decision) {
				if d.Kind == core.Forward && d.Placement == 1 && d.Failover == core.FailoverNone && r.Placement(1).Guests > 0 {
					d.Kind, d.Class, d.Endpoint = core.Reject, core.LimitReached, -1
				}
			},
		},
		{
			"a second half-open probe is admitted", "R6", "2 half-open probes are out",
			func(r *core.Router, _ core.Time, ev *core.Event, d *core.Decision) {
				if half != core.HalfOpen && ev.Kind == core.Arrive && ev.Route.Placement == 0 && d.Kind != core.NoteHalfOpened && !d.Probe && r.Endpoint(0).Breaker == core.HalfOpen {
					half = core.HalfOpen
					admit(0)(d)
					d.Probe = true
				}
			},
		},
		{
			"an open breaker lets a request through", "R6", "before its time",
			func(r *core.Router, now core.Time, ev *core.Event, d *core.Decision) {
				if e := r.Endpoint(0); ev.Kind == core.Arrive && ev.Route.Placement == 0 && d.Kind == core.Forward && e.Breaker == core.Open && now < e.Until {
					admit(0)(d)
				}
			},
		},
		{"a breaker does not trip at its threshold", "R6", "should have been noted as opened", onFirst(kind(core.NoteOpened), become(core.NoteIgnored))},
		{
			"a breaker trips on an outcome that does not count", "R6", "noted as opened, which",
			func(_ *core.Router, _ core.Time, ev *core.Event, d *core.Decision) {
				if d.Kind == core.NoteOpened {
					ev.Status, ev.Class = 0, core.ClientGone
				}
			},
		},
		{
			"a failed probe closes the breaker", "R6", "noted as closed, which",
			func(_ *core.Router, _ core.Time, _ *core.Event, d *core.Decision) {
				if d.Kind == core.NoteOpened && d.At > 3*sec {
					d.Kind = core.NoteClosed
				}
			},
		},
		{
			"a breaker stays open too long", "R6", "by the rules for 1000 ms",
			onFirst(kind(core.NoteOpened), func(d *core.Decision) { d.Until += sec }),
		},
		{
			"the fallback's success closes the primary's breaker", "R6", "noted as closed, which",
			onFirst(kind(core.NoteClosed), func(d *core.Decision) { d.Endpoint = 1 }),
		},
		{"one failed probe makes an endpoint healthy", "R8", "noted as healthy, which", onFirst(kind(core.NoteUnhealthy), become(core.NoteHealthy))},
		{"an active probe is given up too early", "R8", "guard of an active probe", onFirst(kind(core.Probe), func(d *core.Decision) { d.Until -= sec })},
		{
			"a stale push is acked", "R12", "got ack",
			func(_ *core.Router, _ core.Time, ev *core.Event, d *core.Decision) {
				if d.Kind == core.Nack && d.Cause == core.CauseStale {
					d.Kind, d.Cause = core.Ack, core.CauseNone
				}
			},
		},
		{
			"garbage is refused for the wrong reason", "R12", "got nack stale",
			onFirst(func(d *core.Decision) bool { return d.Cause == core.CauseInvalid }, func(d *core.Decision) { d.Cause = core.CauseStale }),
		},
		{
			"a refused push changes the state", "R12", "changed the state",
			func(r *core.Router, now core.Time, _ *core.Event, d *core.Decision) {
				if d.Cause == core.CauseInvalid {
					r.Step(now, &core.Event{Kind: core.Drain, Deadline: core.Never - 1}, nil)
				}
			},
		},
		{
			"the epoch goes back", "R12", "the epoch is",
			func(_ *core.Router, now core.Time, ev *core.Event, d *core.Decision) {
				if now > 9*sec && d.Kind == core.Ack {
					ev.Epoch.Number = 3
				}
			},
		},
		{
			"a draining router says that it is not ready", "R16", "refused as drain",
			onFirst(refused(core.Draining), func(d *core.Decision) { d.Class = core.NotReady }),
		},
		{"a request without a key is forwarded", "R16", "refused as no_key", onFirst(refused(core.NoKey), admit(2))},
	}
}

func TestCheckersFindNothingWrongWithTheCore(t *testing.T) {
	r := Run(troubled(), Options{Check: true})
	if r.Err != nil || r.Violated > 0 {
		t.Fatal(r.Err, r.Violations)
	}
	for _, s := range []Situation{SawOpened, SawRelapse, SawClosed, SawUnhealthy, SawLimit, SawCircuitOpen, SawGuestRefused, SawNackStale, SawNackInvalid, SawDrainRefusal} {
		if !r.Sometimes.Has(s) {
			t.Errorf("the run never saw: %s", s)
		}
	}
}

func TestEveryPlantedBugIsCaught(t *testing.T) {
	for _, b := range planted() {
		t.Run(b.bug, func(t *testing.T) {
			r := Run(troubled(), Options{Check: true, tamper: func(_ int, r *core.Router, now core.Time, ev *core.Event, decisions []core.Decision) {
				for i := range decisions {
					b.tamper(r, now, ev, &decisions[i])
				}
			}})
			for _, v := range r.Violations {
				if v.Property == b.property && strings.Contains(v.Detail, b.says) {
					return
				}
			}
			t.Errorf("no %s violation says %q, among %d: %+v", b.property, b.says, r.Violated, r.Violations[:min(3, len(r.Violations))])
		})
	}
}

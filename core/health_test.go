package core

import (
	"testing"

	"pgregory.net/rapid"
)

// TestHealthIsARunLength compares the machine with the history of its probes:
// it changes when the last `fall` or `rise` results all contradict it.
func TestHealthIsARunLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := HealthSpec{Fall: rapid.Uint32Range(1, 4).Draw(t, "fall"), Rise: rapid.Uint32Range(1, 4).Draw(t, "rise")}
		h := health{unhealthy: rapid.Bool().Draw(t, "start")}
		unhealthy, run := h.unhealthy, uint32(0)
		for i, ok := range rapid.SliceOfN(rapid.Bool(), 1, 40).Draw(t, "results") {
			need := s.Fall
			if unhealthy {
				need = s.Rise
			}
			if ok == unhealthy {
				run++
			} else {
				run = 0
			}
			changes := run == need
			if changes {
				unhealthy, run = !unhealthy, 0
			}
			if got := h.observe(ok, &s); got != changes || h.unhealthy != unhealthy || h.streak != run {
				t.Fatalf("probe %d: changed %v, %+v; want %v, unhealthy %v, streak %d", i, got, h, changes, unhealthy, run)
			}
		}
	})
}

// TestProbesLieOnTheirGrid holds the formula of R8: the first point after now
// of phase + k x every + jitter(k), jitter below a tenth of every.
func TestProbesLieOnTheirGrid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := HealthSpec{Every: Duration(rapid.Int64Range(int64(Millisecond), int64(60*Second)).Draw(t, "every"))}
		now := Time(rapid.Int64Range(0, int64(1000*Second)).Draw(t, "now"))
		id := rapid.Uint64().Draw(t, "id")
		every := uint64(s.Every)
		phase := below(draw(9, id, 0, purposePhase), every)
		point := func(k uint64) Time {
			return Time(phase + k*every + below(draw(9, id, k, purposeProbeJitter), every/10))
		}
		k := uint64(0)
		if uint64(now) > phase+2*every {
			k = (uint64(now)-phase)/every - 2
		}
		for point(k) <= now {
			k++
		}
		if got := nextProbe(now, &s, 9, id); got != point(k) {
			t.Fatalf("next probe at %d, the grid says %d", got, point(k))
		}
	})
}

// TestTheGridStartsBeforeItsPhase asks for times around the very first point.
func TestTheGridStartsBeforeItsPhase(t *testing.T) {
	s := HealthSpec{Every: 10 * Second}
	for id := range uint64(50) {
		first := nextProbe(0, &s, 1, id)
		if got := nextProbe(first-1, &s, 1, id); got != first {
			t.Errorf("just before its first point %d: %d", first, got)
		}
		second := nextProbe(first, &s, 1, id)
		if second <= first || second > first+Time(11*Second) {
			t.Errorf("the point after %d is %d", first, second)
		}
	}
}

func TestMissedProbeTimesAreCounted(t *testing.T) {
	r := probedPeer(t, HealthSpec{Every: Second, Timeout: 30 * Second})
	out := r.Step(0, &Event{Kind: Tick}, nil)
	if len(out) != 1 || out[0].Kind != Probe || out[0].Until != Time(31*Second) {
		t.Fatalf("first tick: %+v", out)
	}
	due := r.Deadline()
	r.Step(due, &Event{Kind: Tick}, nil) // its time comes while the first probe is out
	if got := r.counters.Missed; got != 1 {
		t.Errorf("missed %d, want 1: a probe was out", got)
	}
	r.Step(due, &Event{Kind: Probed, Endpoint: 0, Token: out[0].Token, OK: true}, nil)
	due = r.Deadline()
	out = r.Step(due.Add(5*Second), &Event{Kind: Tick}, nil)
	if len(out) != 1 || out[0].At != due || out[0].Until != due.Add(36*Second) {
		t.Fatalf("late tick: %+v", out)
	}
	if got := r.counters.Missed; got != 6 {
		t.Errorf("missed %d, want 5 more for a Step 5 s late", got)
	}
}

// probedPeer is a router with one endpoint that is probed.
func probedPeer(t *testing.T, h HealthSpec) *Router {
	t.Helper()
	c, err := Compile(Spec{Version: "1", Placements: []PlacementSpec{{Name: "p", Endpoints: []EndpointSpec{{URL: "http://a"}}, Health: h}}})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Strict: true})
	r.Step(0, &Event{Kind: Adopt, Config: c}, nil)
	return r
}

func TestAReportIsTakenOnlyForTheProbeThatIsOut(t *testing.T) {
	r := probedPeer(t, HealthSpec{Fall: 1})
	token := r.Step(0, &Event{Kind: Tick}, nil)[0].Token
	for _, ev := range []Event{
		{Kind: Probed, Endpoint: -1, Token: token},
		{Kind: Probed, Endpoint: 1, Token: token},
		{Kind: Probed, Endpoint: 0, Token: token + 1},
		{Kind: Probed, Endpoint: 0, Token: 0},
	} {
		out := r.Step(1, &ev, nil)
		if len(out) != 1 || out[0].Kind != NoteIgnored || out[0].Cause != CauseLateProbe || out[0].Rule != 8 {
			t.Errorf("%+v: %+v", ev, out)
		}
	}
	if out := r.Step(1, &Event{Kind: Probed, Endpoint: 0, Token: token}, nil); len(out) != 1 || out[0].Kind != NoteUnhealthy {
		t.Errorf("its own report: %+v", out)
	}
	if out := r.Step(1, &Event{Kind: Probed, Endpoint: 0, Token: 0}, nil); out[0].Kind != NoteIgnored {
		t.Errorf("token 0 with no probe out: %+v", out)
	}
}

package promise

import (
	"strings"
	"testing"

	"lockstep/core"
)

const second = core.Time(core.Second)

func TestAPlansTroublesSayWhatIsDownAtEachTime(t *testing.T) {
	w := build(t, func(s *core.Spec) {
		s.Placements[1].Endpoints = append(s.Placements[1].Endpoints, core.EndpointSpec{Name: "y", URL: "http://10.0.1.1:80"})
	})
	list := phases(w.config, []Trouble{
		{From: 10 * second, Until: 50 * second, Down: true, Placement: "cell-a"},
		{From: 20 * second, Until: 30 * second, Down: true, Placement: "cell-b", Endpoint: "y"},
		{From: 40 * second, Until: 47 * second, Placement: "shared"},
		{From: 60 * second, Until: 61 * second, Placement: "shared"},
	})
	one, two, endpoint := Loss{1, OfPlacements}, Loss{2, OfPlacements}, Loss{1, OfEndpoints}
	for _, c := range []struct {
		at         core.Time
		calm       bool
		lost       []Loss
		touched    []bool
		downSinceA core.Time
	}{
		{0, true, nil, []bool{false, false, false}, core.Never},
		{14 * second, false, nil, nil, 10 * second},
		{15 * second, false, []Loss{one, two, endpoint}, nil, 10 * second},
		{29 * second, false, nil, nil, 10 * second}, // an endpoint beside the placement
		{34 * second, false, nil, nil, 10 * second}, // cell-b is back for less than 5 s
		{35 * second, false, []Loss{one, two, endpoint}, nil, 10 * second},
		{46 * second, false, nil, nil, 10 * second}, // something else is wrong
		{50 * second, true, nil, []bool{true, true, true}, core.Never},
		{61 * second, true, nil, []bool{false, false, true}, core.Never},
	} {
		p := &list[phaseOf(list, 0, c.at)]
		if back := &list[phaseOf(list, len(list)-1, c.at)]; back != p {
			t.Errorf("at %d: another phase if time goes back", c.at)
		}
		if p.calm() != c.calm || p.down[0] != c.downSinceA || len(p.touched) != len(c.touched) {
			t.Errorf("at %d: %+v", c.at, p)
		}
		for i := range p.touched {
			if p.touched[i] != c.touched[i] {
				t.Errorf("at %d: touched %v, want %v", c.at, p.touched, c.touched)
			}
		}
		var lost []Loss
		for _, l := range []Loss{one, two, endpoint} {
			if p.lost(l, 5*core.Second, c.at) {
				lost = append(lost, l)
			}
		}
		if len(lost) != len(c.lost) {
			t.Errorf("at %d: lost %v, want %v", c.at, lost, c.lost)
		}
	}
}

func TestWithAPlanWhatIsDownIsKnownBeforeAnyRequestFails(t *testing.T) {
	w := build(t, nil)
	w.judge = NewJudge(World{
		Config: w.config, Troubles: []Trouble{{From: second, Until: 20 * second, Down: true, Placement: "cell-a"}},
		Must: []Promise{{Kind: FailOver, Within: 2 * core.Second}, {Kind: Available, Share: million}, {Kind: Latency, Latency: core.Second}, {Kind: Recover, Within: core.Second}},
	})
	w.watch = w.judge.Watch(1, w.router)
	w.serve(1, "cell-a", core.ClassNone)
	slow, cut := w.send("cell-b"), w.send("cell-a") // they end when cell-a is down
	w.after(5 * core.Second)
	w.end(slow, core.ClassNone)
	w.end(cut, core.ResetBeforeResponse)
	hung := w.send("cell-a") // the endpoint hangs, and nobody knows
	w.after(20 * core.Second)
	w.end(hung, core.ResponseTimeout)
	w.serve(200, "cell-b", core.ResponseTimeout) // after the trouble, with nothing down again
	w.after(6 * core.Second)
	w.serve(200, "cell-a", core.ClassNone)
	for i, want := range []string{"broken: 1 of 4", "holds: 100% of 1 request", "holds: 100% of 1 request", "holds: 0 of 100"} {
		if v := w.judge.Verdicts()[i]; !strings.HasPrefix(v.State.String()+": "+v.Found, want) {
			t.Errorf("%s: %s: %s, want %s", v.Promise, v.State, v.Found, want)
		}
	}
}

func TestWhatACrashedRouterHeldIsInFlightNoMore(t *testing.T) {
	w := build(t, nil)
	w.judge = NewJudge(World{
		Config: w.config, Troubles: []Trouble{{From: second, Until: 5 * second, Router: 1}},
		Must: []Promise{{Kind: InFlight, Placement: "cell-b", Most: 2}},
	})
	w.watch = w.judge.Watch(1, w.router)
	w.send("cell-b")
	w.send("cell-b")
	w.after(2 * core.Second)
	other := build(t, nil)
	other.judge, other.watch, other.now = w.judge, w.judge.Watch(2, other.router), w.now
	other.send("cell-b")
	other.send("cell-b")
	again := build(t, nil) // router 2 restarts, and nobody said so
	again.judge, again.watch, again.now = w.judge, w.judge.Watch(2, again.router), w.now
	other = again
	other.send("cell-b")
	if v := w.judge.Verdicts()[0]; v.State != Holds {
		t.Error(v.Found)
	}
	other.send("cell-b")
	other.send("cell-b")
	if v := w.judge.Verdicts()[0]; v.State != Broken || v.First.Router != 2 {
		t.Errorf("%s, first at router %d", v.Found, v.First.Router)
	}
}

package fuzz

import (
	"slices"
	"testing"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim"
	"lockstep/traces/promise"
)

// The judge of promises and the simulator count the same things, each in its own
// way: the one from the steps of routers, the other from what it does to clients.
func TestTheJudgeOfPromisesCountsWhatTheSimulatorCounts(t *testing.T) {
	target := &Target{Name: "counted", Spec: sound()}
	target.Spec.Placements[1].Breaker.Probes = 3
	target.Spec.Placements[1].Limit = core.LimitSpec{InFlight: 4}
	must := []Promise{
		{Name: "answers", Kind: Available, Share: million},
		{Name: "no guests", Kind: promise.NoGuests, Labels: map[string]string{"kind": "cell"}},
		{Name: "test requests", Kind: TestRequests},
		{Name: "home first", Kind: HomeFirst},
		{Name: "in flight", Kind: promise.InFlight, Placement: "cell-b", Most: 3},
	}
	broken := map[string]bool{}
	for seed := range uint64(150) {
		c := Generate(NewSeeded(seed), target, seed)
		if c.Plan.Routers > 1 || len(c.Plan.Pushes) > 0 {
			continue // peaks of the simulator are those of one router; a push may move a limit
		}
		j := promise.NewJudge(promise.World{Must: must, Labels: map[string]map[string]string{"cell-b": {"kind": "cell"}}})
		r := sim.Run(c.Plan, sim.Options{Observe: func(router int, r *core.Router) loop.Observer { return j.Watch(router, r) }})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		for i, want := range counted(&r, slices.Index(r.Placements, "cell-b")) {
			v := j.Verdicts()[i]
			got := tally{v.All, v.Bad}
			if must[i].Kind == HomeFirst {
				// It counts those that come while guests are there, at the worst placement.
				got = tally{want.all, min(got.bad, 1)}
			}
			if got != want {
				t.Errorf("seed %d, %s: %+v, the simulator says %+v", seed, must[i].Name, got, want)
			}
			broken[must[i].Name] = broken[must[i].Name] || v.State == promise.Broken
		}
	}
	for i := range must {
		if !broken[must[i].Name] {
			t.Errorf("no seed breaks %q", must[i].Name)
		}
	}
}

type tally struct{ all, bad uint64 }

// counted is what the simulator says of those promises, in their order.
func counted(r *sim.Result, cell int) (out [5]tally) {
	for i := range r.Windows {
		w := &r.Windows[i]
		all := w.Arrivals - w.Lost - w.Unfinished
		for _, spoiled := range []core.Class{core.NoKey, core.UnknownKey, core.BadRequest, core.BodyTooLarge, core.ClientGone} {
			all -= w.ByClass[spoiled]
		}
		out[0].all += all
		out[0].bad += all - w.OK
		p := &w.Placements[cell]
		out[1].all += p.ServedHome + p.ServedGuest
		out[1].bad += p.ServedGuest
		for e := range w.Endpoints {
			out[2].all += w.Endpoints[e].Probes
			out[2].bad += w.Endpoints[e].Probes // none is promised
		}
		for n := range w.Placements {
			out[3].bad = min(out[3].bad+w.Placements[n].HomeRefusedByGuests, 1)
		}
		if p.PeakInFlight > 3 {
			out[4].bad = 1
		}
	}
	return out
}

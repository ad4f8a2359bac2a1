package whatif_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces/whatif"
)

func TestAnEndpointThatNoRecordingShowsIsUnknown(t *testing.T) {
	data := busy(t, plain(t, nil), 5_000)
	r := try(t, data, whatif.Options{Config: plain(t, func(p *core.PlacementSpec) {
		for i := range p.Endpoints {
			p.Endpoints[i].URL = strings.Replace(p.Endpoints[i].URL, "10.0.", "10.9.", 1)
		}
	})})
	if r.Outcomes.Unknown != r.Requests || r.Assumed.NeverSeen < r.Requests || r.Worst.Unknown != r.Requests {
		t.Errorf("of %d outcomes %d are unknown, %d never seen", r.Requests, r.Outcomes.Unknown, r.Assumed.NeverSeen)
	}
	if r.After.Errors != 0 || r.Before.Errors == 0 {
		t.Errorf("what is unknown is taken as answered: %d errors, before %d", r.After.Errors, r.Before.Errors)
	}
}

func TestOneSeedGivesOneResult(t *testing.T) {
	data := busy(t, plain(t, nil), 5_000)
	first := plain(t, func(p *core.PlacementSpec) { p.Select = core.First })
	a, b := try(t, data, whatif.Options{Config: first, Seed: 3}), try(t, data, whatif.Options{Config: first, Seed: 3})
	if !reflect.DeepEqual(a.After, b.After) || a.Worst != b.Worst || a.Outcomes.Modelled == 0 {
		t.Errorf("two runs differ: %+v and %+v", a.Worst, b.Worst)
	}
	c := try(t, data, whatif.Options{Config: first, Seed: 4})
	if reflect.DeepEqual(a.After.Statuses, c.After.Statuses) && a.After.Opened == c.After.Opened && a.Outcomes == c.Outcomes {
		t.Log("another seed draws the same counts, by chance") // allowed: only the draws differ
	}
}

func TestADropOfTheLimitRefusesAndIsCounted(t *testing.T) {
	data := busy(t, plain(t, nil), 5_000)
	r := try(t, data, whatif.Options{Config: plain(t, func(p *core.PlacementSpec) { p.Limit.InFlight, p.Fallback = 1, nil })})
	if r.After.Refused == 0 || r.Before.Refused != 0 || r.Moved == 0 {
		t.Fatalf("refused %d and %d, moved %d", r.Before.Refused, r.After.Refused, r.Moved)
	}
	moved, keys := uint64(0), uint64(0)
	for _, m := range r.Moves() {
		moved += m.Requests
		if m.Labels.Total() != m.Requests || len(m.Examples) == 0 || len(m.Examples) > 3 {
			t.Errorf("%s -> %s: labels %v, %d examples", m.From, m.To, m.Labels, len(m.Examples))
		}
		for _, e := range m.Examples {
			if n := [...]uint64{m.Labels.Recorded, m.Labels.Modelled, m.Labels.Unknown}[e.Label]; n == 0 {
				t.Errorf("%s -> %s: none is %s, but an example is: %v", m.From, m.To, e.Label, e)
			}
		}
	}
	for _, k := range r.Keys() {
		keys += k.Moved
	}
	if moved != r.Moved || keys != r.Moved {
		t.Errorf("%d moved, %d by move, %d by key", r.Moved, moved, keys)
	}
	for name, p := range r.After.Places {
		if p.Peak > 1 {
			t.Errorf("%s had %d in flight with a limit of 1", name, p.Peak)
		}
	}
}

func TestADifferenceStaysInItsComponent(t *testing.T) {
	split := func(i int) *core.Config {
		return plain(t, func(p *core.PlacementSpec) {
			if p.Fallback = nil; p.Name == fmt.Sprintf("p%02d", i) {
				p.Limit.InFlight = 1
			}
		})
	}
	data := busy(t, split(-1), 5_000)
	touched := map[string]int{}
	try(t, data, whatif.Options{Config: split(3), Each: func(q *whatif.Request) {
		if q.Decision != whatif.Recorded || q.Outcome != whatif.Recorded || q.Before != q.After {
			touched[q.Before.Placement]++
		}
	}})
	if len(touched) != 1 || touched["p03"] == 0 {
		t.Errorf("a limit of p03 touches %v", touched)
	}
}

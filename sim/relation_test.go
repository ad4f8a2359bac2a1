package sim

import (
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
)

func TestWhatMustNotMatterDoesNot(t *testing.T) {
	judged := [relations]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		which := Relation(rapid.IntRange(1, int(WithoutFault)-1).Draw(t, "relation"))
		found, ok := CheckRelation(p, which, rapid.Uint64().Draw(t, "pick"), Options{})
		if len(found) > 0 {
			t.Fatal(found)
		}
		if ok {
			judged[which]++
		}
	})
	for r := NoRelation + 1; r < WithoutFault; r++ {
		t.Logf("%s: %d plans judged", r, judged[r])
		if judged[r] == 0 {
			t.Errorf("%s: no plan was judged", r)
		}
	}
}

// TestASplitPlacementRetriesAlike: the second half serves what the first has
// failed, and only why it was not the first is told in other words.
func TestASplitPlacementRetriesAlike(t *testing.T) {
	p := Plan{
		Spec: core.Spec{Version: "1", Keys: []core.KeySpec{{Key: "k", Placement: "p"}}, Placements: []core.PlacementSpec{{
			Name: "p", Health: core.HealthSpec{Off: true}, Select: core.First, Retries: core.RetrySpec{Max: 2},
			Endpoints: []core.EndpointSpec{{URL: "http://a:80"}, {URL: "http://b:80"}},
		}}},
		Clients: []Client{{Rate: 20}}, Length: 10 * core.Second, Window: core.Second,
		Faults: []Fault{{Kind: Refuse, At: core.Time(core.Second), Placement: "p", Endpoint: "http://a:80"}},
	}
	if r := Run(p, Options{}); r.Err != nil || r.Windows[1].Retried == 0 {
		t.Fatalf("%v, %d retries: this test shows nothing", r.Err, r.Windows[1].Retried)
	}
	found, ok := CheckRelation(p, SplitPlacement, 0, Options{})
	if !ok || len(found) > 0 {
		t.Errorf("judged %v, found %v", ok, found)
	}
}

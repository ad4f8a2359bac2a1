package core

import (
	"fmt"
	"strings"
	"testing"
)

// keyed is a configuration of n keys, of which the first moved belong to q.
func keyed(t testing.TB, n, moved int) *Config {
	t.Helper()
	s := Spec{Version: fmt.Sprint(n, " ", moved), Guards: GuardSpec{KeysRerouted: 5}, Placements: []PlacementSpec{
		{Name: "p", Endpoints: []EndpointSpec{{URL: "http://p.test:80"}}, Health: HealthSpec{Off: true}},
		{Name: "q", Endpoints: []EndpointSpec{{URL: "http://q.test:80"}}, Health: HealthSpec{Off: true}},
	}}
	for i := range n {
		home := "p"
		if i < moved {
			home = "q"
		}
		s.Keys = append(s.Keys, KeySpec{fmt.Sprintf("tenant-%07d", i), home})
	}
	c, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAChangeOfOtherConfigurationsIsNotBelieved: what the edge measured may be
// of a configuration that was replaced meanwhile.
func TestAChangeOfOtherConfigurationsIsNotBelieved(t *testing.T) {
	old, small, big := keyed(t, 100, 0), keyed(t, 100, 1), keyed(t, 100, 50)
	for name, change := range map[string]*Change{
		"its own": Compare(old, big), "none": nil, "of another push": Compare(old, small), "against another configuration": Compare(small, big),
	} {
		r := New(Options{Strict: true})
		r.Step(0, &Event{Kind: Adopt, Config: old}, nil)
		before := r.Digest()
		out := r.Step(1, &Event{Kind: Adopt, Config: big, Origin: OriginControl, Change: change}, nil)
		if d := out[len(out)-1]; d.Kind != Nack || d.Cause != CauseKeysRerouted || d.Count != 500_000 || d.Rule != 13 {
			t.Errorf("%s: %s %s %d by R%d", name, d.Kind, d.Cause, d.Count, d.Rule)
		}
		if r.Digest() != before || r.Config() != old {
			t.Errorf("%s: the refused push left a mark", name)
		}
	}
}

func TestExactlyAsMuchAsTheGuardIsNotBeyondIt(t *testing.T) {
	for moved, want := range map[int]Cause{0: CauseNone, 50: CauseNone, 51: CauseKeysRerouted, 1000: CauseKeysRerouted} {
		cause, ppm := Compare(keyed(t, 1000, 0), keyed(t, 1000, moved)).Beyond(GuardSpec{KeysRerouted: 5})
		if cause != want || want != CauseNone && ppm != uint32(moved)*1000 {
			t.Errorf("%d of 1000: %s, %d", moved, cause, ppm)
		}
	}
}

func TestAGuardThatGuardsNothingIsRefused(t *testing.T) {
	_, err := Compile(Spec{Version: "1", Guards: GuardSpec{KeysRerouted: 99, LimitLowered: 100}, Placements: []PlacementSpec{
		{Name: "p", Endpoints: []EndpointSpec{{URL: "http://p.test:80"}}},
	}})
	if err == nil || !strings.HasPrefix(err.Error(), "control_plane.refuse_push_over.limit_lowered: 100 % guards nothing") || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}

func TestAConfigurationWithoutKeysHasNoneToLose(t *testing.T) {
	cause, _ := Compare(keyed(t, 0, 0), keyed(t, 10, 10)).Beyond(GuardSpec{KeysRerouted: 1, KeysRemoved: 1, EndpointsRemoved: 1, LimitLowered: 1})
	if cause != CauseNone {
		t.Error(cause)
	}
}

func BenchmarkCompareAMillionKeys(b *testing.B) {
	old, c := keyed(b, 1_000_000, 0), keyed(b, 1_000_000, 40_000)
	b.ResetTimer()
	for b.Loop() {
		Compare(old, c)
	}
}

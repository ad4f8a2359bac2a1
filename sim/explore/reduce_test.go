package explore

import (
	"strings"
	"testing"

	"lockstep/core"
)

// large is a configuration of which only a part fits.
func large() *core.Spec {
	hosts := func(n string) (list []core.EndpointSpec) {
		for _, c := range "1234" {
			list = append(list, core.EndpointSpec{URL: "http://" + n + string(c), Weight: 50})
		}
		return list
	}
	return &core.Spec{
		Version: "7", Default: "tier2", ChainFallbacks: true,
		Placements: []core.PlacementSpec{
			{Name: "visa", Endpoints: hosts("visa"), Fallback: []string{"tier1"}, Limit: core.LimitSpec{InFlight: 100}, BodyMax: 10, Breaker: core.BreakerSpec{Jitter: 500_000}},
			{Name: "tier1", Endpoints: hosts("one"), Limit: core.LimitSpec{InFlight: 100, Guests: 30}},
			{Name: "tier2", Endpoints: hosts("two"), Breaker: core.BreakerSpec{Off: true}, Health: core.HealthSpec{Off: true}},
		},
	}
}

func TestAConfigurationIsReducedToAPlacementAndItsFallback(t *testing.T) {
	for _, c := range []struct{ home, name, cut string }{
		{"", "tier1 and tier2", "tier1: guests is 1, not 30"},
		{"visa", "visa and tier1", "visa: in_flight is 2, not 100"},
	} {
		w, cuts, err := Reduce(large(), c.home)
		if err != nil {
			t.Fatal(err)
		}
		if w.Name != c.name || !strings.Contains(strings.Join(cuts, "\n"), c.cut) {
			t.Errorf("%q: reduced to %s, %q", c.home, w.Name, cuts)
		}
		r, err := Explore(w, Options{Depth: 5})
		if err != nil {
			t.Fatal(err)
		}
		if r.Violation != nil || r.Depth != 5 || r.Reduced > r.Raw {
			t.Errorf("%q: %+v", c.home, *r)
		}
	}
}

func TestWhatHasNoFallbackIsRefused(t *testing.T) {
	for _, c := range []struct {
		home, says string
		change     func(*core.Spec)
	}{
		{"", "no placement has a fallback", func(s *core.Spec) { s.ChainFallbacks = false; s.Placements = s.Placements[1:] }},
		{"tier2", "tier2 has no fallback", func(*core.Spec) {}},
		{"tier9", `no placement is named "tier9"`, func(*core.Spec) {}},
	} {
		s := large()
		c.change(s)
		if _, _, err := Reduce(s, c.home); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v", c.home, err)
		}
	}
}

func TestWhatNeverComesBackToAStateIsLeftOut(t *testing.T) {
	s := large()
	for i := range s.Placements {
		p := &s.Placements[i]
		p.Select, p.Bound, p.SlowStart, p.Shards, p.Sticky = core.Ketama, 125, core.Second, 2, core.StickySpec{Cookie: "c"}
		if !p.Breaker.Off {
			p.Breaker.Preset, p.Breaker.FailureRatio, p.Breaker.SlowRatio = "haproxy", 500_000, 500_000
		}
	}
	w, cuts, err := Reduce(s, "visa")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"visa: without breaker ratios, bound, slow_start, sticky, shards", "visa: breaker.failures is 2, not 10"} {
		if !strings.Contains(strings.Join(cuts, "\n"), want) {
			t.Errorf("%q is not among %q", want, cuts)
		}
	}
	if r, err := Explore(w, Options{Depth: 5}); err != nil || r.Violation != nil || r.Depth != 5 {
		t.Errorf("%+v, %v", r, err)
	}
}

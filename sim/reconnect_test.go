package sim

import (
	"slices"
	"testing"

	"lockstep/core"
)

func TestRoutersAreBackAtTheirControlPlaneSpreadOverTime(t *testing.T) {
	p := plain()
	p.Routers, p.Length = 20, 20*core.Second
	at := func(s int64) core.Time { return core.Time(s * int64(core.Second)) }
	spec := p.Spec
	spec.Version = "2"
	p.Pushes = []Push{{At: at(2), Spec: &spec}, {At: at(8), Spec: &spec}}
	p.Faults = []Fault{
		{Kind: Silence, At: at(1), Until: at(3), Spread: 10 * core.Second},
		{Kind: Crash, Router: 1, At: at(1), Until: at(2)}, // it is not back for having restarted
	}
	r := mustRun(t, p)
	var first, all []core.Time
	seen := map[int]bool{}
	for _, a := range r.Answers {
		if a.Push < 0 {
			continue
		}
		if all = append(all, a.At); !seen[a.Router] {
			seen[a.Router] = true
			first = append(first, a.At)
		}
	}
	slices.Sort(first)
	if len(slices.Compact(first)) != 20 || first[0] < at(3) || first[19] >= at(13) || first[19]-first[0] < at(5) {
		t.Errorf("back at %d", first)
	}
	early := 0
	for _, f := range first {
		early += flag(f < at(8))
	}
	if len(all) != 20+early {
		t.Errorf("%d answers: the second push must reach the %d that were back, and be what the others fetch", len(all), early)
	}
	p.Faults[0].Spread = 0
	at3 := 0
	for _, a := range mustRun(t, p).Answers {
		at3 += flag(a.Push >= 0 && a.At == at(3))
	}
	if at3 != 20 {
		t.Errorf("without a spread %d are back at once", at3)
	}
}

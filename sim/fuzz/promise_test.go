package fuzz

import (
	"testing"

	"lockstep/core"
)

func TestAPromiseOfALossIsJudgedUnderItsOwnNameInPlaceOfNMinusOne(t *testing.T) {
	home := func(share uint32) Promise { return Promise{Name: "home-first", Kind: HomeFirst, Share: share} }
	survive := func(share uint32) Promise {
		return Promise{Name: "survives", Kind: SurviveLoss, Share: share, Within: 20 * core.Second}
	}
	for _, c := range []struct {
		name   string
		guests int32
		must   []Promise
		accept string
		want   string // property broken, with its key
	}{
		{"nothing promised", 10, nil, "", "N-1 placements.cell-b.limit.guests"},
		{"home protected", 10, []Promise{home(1000)}, "", ""},
		{"home crowded out", 0, []Promise{home(1000)}, "", "home-first placements.cell-b.limit.guests"},
		{"home crowded out, as allowed", 0, []Promise{home(900_000)}, "", ""},
		{"guests refused", 10, []Promise{home(1000), survive(999_000)}, "", "survives placements.cell-b.limit.guests"},
		{"guests refused, as allowed", 10, []Promise{survive(100_000)}, "", ""},
		{"accepted", 0, []Promise{home(1000)}, "home-first", ""},
	} {
		target := tight()
		target.Must, target.Accept = c.must, []string{c.accept}
		target.Spec.Placements[1].Limit.Guests = c.guests
		for i := range target.Spec.Placements { // any one may be lost
			if len(target.Spec.Placements[i].Fallback) == 0 {
				target.Spec.Placements[i].Fallback = []string{"cell-a"}
			}
		}
		target.Spec.Placements[0].Limit = core.LimitSpec{InFlight: 1000}
		target.Facts.Peak["cell-b"] = Load{PerSecond: 170, Latency: 250 * core.Millisecond}
		got := ""
		for _, n := range TryNMinusOne(target) {
			if n.Err != nil {
				t.Fatal(n.Err)
			}
			if n.Finding != nil && got == "" {
				got = n.Finding.Property + " " + n.Finding.Key
			}
		}
		if got != c.want {
			t.Errorf("%s: broken %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAPromiseOnTestRequestsTakesThePlaceOfTheDefault(t *testing.T) {
	target := &Target{Name: "herd", Spec: sound()}
	target.Spec.Placements[1].Breaker.Probes = 2
	target.Must = []Promise{{Name: "two-at-once", Kind: TestRequests, Probes: 2}}
	for seed := range uint64(40) {
		if o := Try(target, seed); o.Finding != nil {
			t.Fatalf("promised, and found: %s", o.Finding.Sentence)
		}
	}
	target.Spec.Placements[1].Breaker.Probes = 3
	if f := search(t, target, 100); f.Property != "two-at-once" {
		t.Errorf("found %s", f.Property)
	}
}

func TestNoChangeLetsAPlacementServeThatMayNot(t *testing.T) {
	target := tight()
	target.MayServe = func(home, by string) bool { return home != "cell-a" || by != "shared" }
	f := TryNMinusOne(target)[0].Finding
	for _, c := range TryChanges(target, f, first(0)) {
		if c.Text == "A and cell-a fallback: +shared" {
			t.Errorf("tried %s", c.Text)
		}
	}
}

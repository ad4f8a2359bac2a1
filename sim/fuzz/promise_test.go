package fuzz

import (
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces/promise"
)

func TestAPromiseOfALossIsJudgedUnderItsOwnNameInPlaceOfNMinusOne(t *testing.T) {
	home := func(share uint32) Promise { return Promise{Name: "home-first", Kind: HomeFirst, Share: share} }
	survive := func(share uint32) Promise {
		return Promise{Name: "survives", Kind: SurviveLoss, Share: share, Within: 20 * core.Second, Lose: promise.Loss{Count: 1}}
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

func TestAnEndpointThatIsNotLeftIsBlamedOnTheBreaker(t *testing.T) {
	target := tight()
	target.Spec.Placements[1].Limit = core.LimitSpec{}
	target.Spec.Placements[0].Breaker.Off, target.Spec.Placements[0].Health.Off = true, true
	lose := promise.Loss{Count: 1, Of: promise.OfEndpoints}
	target.Must = []Promise{{Name: "survives", Kind: SurviveLoss, Share: 999_000, Within: 20 * core.Second, Lose: lose}}
	for _, n := range TryNMinusOne(target) {
		if n.Finding != nil {
			if n.Finding.Key != "placements.cell-a.breaker" {
				t.Errorf("%s", describe(n.Finding))
			}
			return
		}
	}
	t.Error("not found")
}

func TestAPromiseOnTestRequestsTakesThePlaceOfTheDefault(t *testing.T) {
	target := &Target{Name: "herd", Spec: sound()}
	target.Spec.Placements[1].Breaker.Probes = 2
	target.Must = []Promise{{Name: "two-at-once", Kind: TestRequests, Most: 2}}
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

func TestPairsEndpointsAndThePeakItselfAreTriedWhenTheyArePromised(t *testing.T) {
	lose := func(count int, of promise.Object) promise.Loss { return promise.Loss{Count: count, Of: of} }
	for _, c := range []struct {
		name string
		must Promise
		want string // the first finding: what was lost, the property and its key
		runs int    // losses tried
	}{
		{"two survived", Promise{Kind: SurviveLoss, Lose: lose(2, promise.OfPlacements), Share: 10_000, Within: 20 * core.Second}, "", 6},
		{
			"two not survived",
			Promise{Kind: SurviveLoss, Lose: lose(2, promise.OfPlacements), Share: 600_000, Within: 20 * core.Second},
			"cell-a and cell-b: placements.cell-a.fallback: requests are refused because cell-a and cell-b failed; 49.9625% of 8000 requests answered", 6,
		},
		{"an endpoint survived", Promise{Kind: SurviveLoss, Lose: lose(1, promise.OfEndpoints), Share: 999_000, Within: 20 * core.Second}, "", 6},
		{
			"an endpoint and it is slow",
			Promise{Kind: Latency, Lose: lose(1, promise.OfEndpoints), Latency: 200 * core.Millisecond, Within: 20 * core.Second},
			"cell-a/a: facts.peak.cell-a.latency: a request that cell-a serves takes 250ms", 6,
		},
		{"quick with nothing down", Promise{Kind: Latency, Latency: 250 * core.Millisecond}, "", 3},
		{
			"slow with nothing down",
			Promise{Kind: Latency, Latency: 249 * core.Millisecond},
			"cell-a: facts.peak.cell-a.latency: a request that cell-a serves takes 250ms as the facts say; 0% of ", 3,
		},
		{"answered with nothing down", Promise{Kind: Available, Share: 999_990}, "", 3},
	} {
		target := tight()
		c.must.Name = "it"
		// Whether a loss is survived is another matter than what is promised here.
		target.Must, target.Accept = []Promise{c.must}, []string{NMinusOne}
		target.Spec.Placements[1].Limit = core.LimitSpec{}
		tried, got := TryNMinusOne(target), ""
		for _, n := range tried {
			if n.Err != nil {
				t.Fatal(n.Err)
			}
			if n.Finding != nil && got == "" {
				got = n.Down + ": " + n.Finding.Key + ": " + n.Finding.Sentence
			}
		}
		if len(tried) != c.runs || c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %d runs, found %q, want %q", c.name, len(tried), got, c.want)
		}
	}
}

func TestTooSmallForItsPeakBreaksWhatIsPromisedWithNothingDown(t *testing.T) {
	target := tight()
	target.Must, target.Accept = []Promise{{Name: "answers", Kind: Available, Share: 990_000}}, []string{NMinusOne}
	target.Spec.Placements[1].Limit.InFlight = 20
	f := TryNMinusOne(target)[0].Finding
	if f == nil || f.Property != "answers" || f.Key != "placements.cell-b.limit.in_flight" {
		t.Fatalf("found %s", describe(f))
	}
	// It is judged before the loss; what the loss cuts off is not counted.
	if f.At >= settled {
		t.Errorf("found at %d", f.At)
	}
}

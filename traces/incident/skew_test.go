package incident

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lockstep/core"
)

// TestASkewIsReportedWithinItsBound: whatever two routers share, and however far
// their clocks are apart, the truth lies within the bounds that the draft states.
func TestASkewIsReportedWithinItsBound(t *testing.T) {
	known := 0
	rapid.Check(t, func(t *rapid.T) {
		w := plainWorld()
		w.routers, w.length = 2, 14*core.Second
		skew := rapid.Int64Range(-int64(10*core.Second), int64(10*core.Second)).Draw(t, "skew")
		w.skew = []int64{0, skew}
		w.retryAt = rapid.Bool().Draw(t, "same ids")
		if !rapid.Bool().Draw(t, "an endpoint breaks") {
			w.broken, w.limit.InFlight = [2]core.Time{}, 2
		}
		if rapid.Bool().Draw(t, "a push") {
			w.pushes = []push{{at: core.Time(7 * core.Second), limit: w.limit}}
		}
		sources, _ := w.run(t)
		for i := range sources {
			sources[i].Read = nil
		}
		d, err := New(sources, Options{})
		if err != nil {
			t.Fatal(err)
		}
		k := d.Clocks[0]
		if !k.Known {
			if k.Applied || !strings.Contains(k.Text, "as they are") {
				t.Fatalf("nothing bounds it, and yet: %s", k.Text)
			}
			return
		}
		known++
		if off := k.Estimate - skew; off > k.PlusMinus || -off > k.PlusMinus {
			t.Fatalf("skew %d ns; the draft says %d give or take %d: %s", skew, k.Estimate, k.PlusMinus, k.Text)
		}
	})
	if known == 0 {
		t.Error("no skew was ever known")
	}
}

func TestRoutersThatShareNothingKeepTheirClocks(t *testing.T) {
	w := plainWorld()
	w.routers, w.broken, w.skew = 2, [2]core.Time{}, []int64{0, int64(4 * core.Second)}
	sources, _ := w.run(t)
	d := draftOf(t, sources, Options{})
	if len(d.Clocks) != 1 || d.Clocks[0].Applied || !strings.Contains(d.Clocks[0].Text, "their clocks are taken as they are") {
		t.Errorf("%+v", d.Clocks)
	}
}

func TestACorrectedClockPutsEventsInTheirOrder(t *testing.T) {
	w := plainWorld()
	w.routers, w.skew = 2, []int64{0, -int64(6 * core.Second)}
	w.pushes = []push{{at: core.Time(7 * core.Second), limit: w.limit}}
	sources, _ := w.run(t)
	d := draftOf(t, sources, Options{})
	if !d.Clocks[0].Applied || d.Lasted > int64(12*core.Second) {
		t.Errorf("the window lasts %d ns, and the clock is not corrected: %s", d.Lasted, d.Clocks[0].Text)
	}
	for _, l := range d.Timeline {
		if strings.Contains(l.Text, "first failure") && !strings.Contains(l.Router, "1 other") {
			t.Errorf("one failure of one endpoint is told as two: %+v", l)
		}
	}
}

package sim

import (
	"testing"

	"lockstep/core"
)

func TestAShrunkPushIsAdoptedAndItsKeysAreUnknown(t *testing.T) {
	p := plain()
	left := Drop{Keys: 500_000}.From(p.Spec)
	p.Pushes = []Push{{At: 5 * sec, Spec: &left}}
	r := mustRun(t, p)
	var unknown uint64
	for _, w := range r.Windows[5:] {
		unknown += w.ByClass[core.UnknownKey]
	}
	if unknown < 200 || unknown > 300 {
		t.Errorf("%d of 500 requests had a key that was dropped, about half should", unknown)
	}
}

func TestPushesOvertakeEachOtherOnTheWayToOneRouter(t *testing.T) {
	p := plain()
	p.Routers = 40
	second, third := p.Spec, p.Spec
	second.Version, third.Version = "2", "3"
	p.Epoch = core.Epoch{Number: 1}
	p.Pushes = []Push{
		{At: 2 * sec, Spec: &second, Epoch: core.Epoch{Number: 2}, Spread: core.Second},
		{At: 2*sec + sec/4, Spec: &third, Epoch: core.Epoch{Number: 3}, Spread: core.Second},
	}
	r := mustRun(t, p)
	overtaken := 0
	last := map[int]core.Epoch{}
	for _, a := range r.Answers {
		if a.Push == 0 && a.Cause == core.CauseStale {
			overtaken++
		}
		if a.Kind == core.Ack {
			last[a.Router] = a.Epoch
		}
	}
	// The earlier has a start of a quarter; both take up to a second: 28 % are overtaken.
	if overtaken < 5 || overtaken > 20 {
		t.Errorf("on %d of 40 routers the later push came first, about 11 should", overtaken)
	}
	for n, epoch := range last {
		if epoch != (core.Epoch{Number: 3}) {
			t.Errorf("router %d ends with %v", n, epoch)
		}
	}
}

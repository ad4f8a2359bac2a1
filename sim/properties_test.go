package sim

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/core/loop"
)

// total sums a run's windows.
func total(r *Result) (c Counts, unreached uint64) {
	for i := range r.Windows {
		w := &r.Windows[i]
		c.Arrivals += w.Arrivals
		c.OK += w.OK
		c.Lost += w.Lost
		c.Refused += w.Refused
		c.Unfinished += w.Unfinished
		for k, n := range w.ByClass {
			c.ByClass[k] += n
		}
		c.Latency.Merge(w.Latency)
		unreached += w.Unreached
	}
	return c, unreached
}

func TestNoDrawnPlanBreaksASafetyProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Run(drawPlan(t), Options{Check: true})
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if r.Violated > 0 {
			t.Fatalf("%d violations, the first: %+v", r.Violated, r.Violations[0])
		}
	})
}

func TestDrawnPlansReachEverySituation(t *testing.T) {
	var reached Coverage
	plans := rapid.Custom(waitingPlan)
	for seed := 0; seed < 1000 && len(reached.Missing()) > 0; seed++ {
		p := plans.Example(seed)
		if seed%8 == 7 {
			guardPushes(&p)
		}
		r := Run(p, Options{Check: true})
		reached |= r.Sometimes
	}
	if missing := reached.Missing(); len(missing) > 0 {
		t.Errorf("never reached: %v", missing)
	}
}

func TestEveryRequestIsCountedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Run(drawPlan(t), Options{})
		c, _ := total(&r)
		ends := c.OK + c.Lost + c.Unfinished
		for _, n := range c.ByClass {
			ends += n
		}
		if c.Arrivals != ends || c.Latency.Count() != c.OK || c.ByClass[core.ClassNone] != 0 {
			t.Fatalf("%d arrivals, %d ends, %d OK, %d latencies", c.Arrivals, ends, c.OK, c.Latency.Count())
		}
	})
}

type silent struct{}

func (silent) Observe(core.Time, *core.Event, *loop.Request, []core.Decision) {}

func TestARunIsAFunctionOfItsPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		a := Run(p, Options{})
		b := Run(p, Options{Check: true, States: new(States), Observe: func(int, *core.Router) loop.Observer { return silent{} }})
		for s := SawTie; s < situations; s++ {
			b.Sometimes &^= 1 << s // only checkers see these
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatal("options changed a run:\n" + cmp.Diff(a, b, cmp.AllowUnexported(Histogram{})))
		}
		p.Seed++
		if c := Run(p, Options{}); c.Steps > 20 && c.Digest == a.Digest {
			t.Fatal("another seed gave the same digest")
		}
	})
}

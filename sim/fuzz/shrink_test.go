package fuzz

import (
	"fmt"
	"slices"
	"testing"

	"lockstep/core"
	"lockstep/sim"
)

const second = core.Time(core.Second)

// manyFaults is a case with n faults, one a second, that differ by their delay.
func manyFaults(n int) Case {
	c := Case{Plan: sim.Plan{Spec: sound(), Length: core.Duration(n) * core.Second, Clients: []sim.Client{{Name: "all", Rate: 1}}}}
	for i := range n {
		at := core.Time(i) * second
		c.Plan.Faults = append(c.Plan.Faults, sim.Fault{Kind: sim.Delayed, Placement: "cell-a", At: at, Until: at + second, Delay: core.Duration(1 + i)})
	}
	return c
}

// hasFault reports whether c still has the fault with that number.
func (c *Case) hasFault(i int) bool {
	return slices.ContainsFunc(c.Plan.Faults, func(f sim.Fault) bool { return f.Delay == core.Duration(1+i) })
}

func TestOneFaultOfManyIsIsolatedInFewRuns(t *testing.T) {
	for _, culprit := range []int{0, 21, 37, 63} {
		runs := 0
		small := Shrink(manyFaults(64), func(c *Case) (core.Time, bool) {
			runs++
			return core.Time(c.Plan.Length), c.hasFault(culprit)
		})
		if len(small.Plan.Faults) != 1 || !small.hasFault(culprit) {
			t.Errorf("fault %d: kept %+v", culprit, small.Plan.Faults)
		}
		if runs > 100 { // one at a time, it takes 64 for the first pass alone, and as many for the next
			t.Errorf("fault %d: %d runs", culprit, runs)
		}
		if f := small.Plan.Faults[0]; f.At != 0 || f.Until > 100*millisecond {
			t.Errorf("fault %d: it still begins at %d and ends at %d", culprit, f.At, f.Until)
		}
	}
}

func TestTwoFaultsThatNeedEachOtherAreBothKept(t *testing.T) {
	small := Shrink(manyFaults(32), func(c *Case) (core.Time, bool) {
		return core.Time(c.Plan.Length), c.hasFault(3) && c.hasFault(30)
	})
	if len(small.Plan.Faults) != 2 {
		t.Errorf("kept %+v", small.Plan.Faults)
	}
}

func TestWhatComesAfterTheFailureGoesAtOnce(t *testing.T) {
	var lengths []core.Duration
	Shrink(manyFaults(64), func(c *Case) (core.Time, bool) {
		lengths = append(lengths, c.Plan.Length)
		return 5*second + 1, c.Plan.Length > 5*core.Second
	})
	if lengths[1] > 6*core.Second {
		t.Errorf("the second run lasts %d ns, although the first failed after 5 s", lengths[1])
	}
}

func TestAConfigurationIsReducedInWhatIsPushedToo(t *testing.T) {
	pushed := sound()
	pushed.Version = "2"
	c := Case{Plan: sim.Plan{Spec: sound(), Pushes: []sim.Push{{Spec: &pushed}, {Garbage: true}}}}
	small := reduceConfig(c, func(c *Case) bool {
		_, ok := find(&c.Plan.Spec, "cell-b")
		return ok
	})
	for _, s := range []*core.Spec{&small.Plan.Spec, small.Plan.Pushes[0].Spec} {
		got := fmt.Sprintf("%s: %d placements, %d endpoints, limited %v", s.Version, len(s.Placements), len(s.Placements[0].Endpoints), s.Placements[0].Limit != core.LimitSpec{})
		if want := s.Version + ": 1 placements, 1 endpoints, limited false"; got != want || s.Placements[0].Name != "cell-b" {
			t.Errorf("reduced to %s, want %s", got, want)
		}
	}
	if len(pushed.Placements) != 3 || len(c.Plan.Spec.Placements) != 3 {
		t.Error("reducing has changed the case that it began with")
	}
}

package sim

import "testing"

func TestStatesOfARunAreThoseOfItsPlanAndGrowWithWhatHappens(t *testing.T) {
	var quiet, again, loud States
	p := troubled()
	Run(p, Options{Check: true, States: &loud})
	Run(p, Options{Check: true, States: &again})
	if again != loud {
		t.Error("two runs of one plan reach other states")
	}
	p.Faults, p.Pushes = nil, nil
	Run(p, Options{Check: true, States: &quiet})
	if q, l := quiet.Count(), loud.Count(); q == 0 || l < 2*q {
		t.Errorf("%d states without trouble, %d with", q, l)
	}
	fresh := quiet.Merge(&loud)
	if fresh == 0 || quiet.Merge(&loud) != 0 {
		t.Errorf("%d new, and then more", fresh)
	}
}

package sim

import (
	"testing"

	"pgregory.net/rapid"
)

func TestWhatMustNotMatterDoesNot(t *testing.T) {
	judged := [relations]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := drawPlan(t)
		which := Relation(rapid.IntRange(1, int(WithoutFault)-1).Draw(t, "relation"))
		found, ok := CheckRelation(p, which, rapid.Uint64().Draw(t, "pick"), Options{})
		if len(found) > 0 {
			t.Fatal(found)
		}
		if ok {
			judged[which]++
		}
	})
	for r := NoRelation + 1; r < WithoutFault; r++ {
		t.Logf("%s: %d plans judged", r, judged[r])
		if judged[r] == 0 {
			t.Errorf("%s: no plan was judged", r)
		}
	}
}

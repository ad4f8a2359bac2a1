package core

import (
	"fmt"
	"testing"
)

// TestEveryValueHasANameOfItsOwn holds for each enumeration: the values have
// distinct names, and what is outside has the name of none.
func TestEveryValueHasANameOfItsOwn(t *testing.T) {
	for _, e := range []struct {
		what    string
		first   int
		count   int
		value   func(int) fmt.Stringer
		outside string
	}{
		{"event", 1, int(eventKinds), func(i int) fmt.Stringer { return EventKind(i) }, "none"},
		{"decision", 1, int(decisionKinds), func(i int) fmt.Stringer { return DecisionKind(i) }, "none"},
		{"reason", 1, 4, func(i int) fmt.Stringer { return Reason(i) }, ""},
		{"failover", 1, 4, func(i int) fmt.Stringer { return Failover(i) }, ""},
		{"circuit", 1, 4, func(i int) fmt.Stringer { return Circuit(i) }, ""},
		{"cause", 1, int(CauseLimitLowered) + 1, func(i int) fmt.Stringer { return Cause(i) }, "none"},
		{"origin", 1, 4, func(i int) fmt.Stringer { return Origin(i) }, "file"},
		{"policy", 0, int(policies), func(i int) fmt.Stringer { return Policy(i) }, "unknown"},
		{"class", 0, Classes, func(i int) fmt.Stringer { return Class(i) }, "internal"},
	} {
		seen := map[string]int{}
		for i := e.first; i < e.count; i++ {
			name := e.value(i).String()
			if other, ok := seen[name]; ok || name == "" || name == e.outside && !(e.what == "class" && Class(i) == Internal) {
				t.Errorf("%s %d is called %q, as %d is", e.what, i, name, other)
			}
			seen[name] = i
		}
		if got := e.value(e.count).String(); got != e.outside {
			t.Errorf("%s %d, outside, is called %q", e.what, e.count, got)
		}
	}
}

// TestTheTableOfClassesIsConsistent holds Effect, which the hot path uses,
// to the column of the table.
func TestTheTableOfClassesIsConsistent(t *testing.T) {
	for c := range classes + 3 {
		row := c.Row()
		if c.Effect() != row.Effect {
			t.Errorf("%v: effect %d, the table says %d", c, c.Effect(), row.Effect)
		}
		if row.Effect == EffectExcluded && row.Retry != RetryNever {
			t.Errorf("%v is excluded and yet retried", c)
		}
		if row.Status != 0 && (row.Status < 400 || row.Status > 599) {
			t.Errorf("%v has status %d", c, row.Status)
		}
	}
}

func TestEpochsCompareByTermThenNumber(t *testing.T) {
	order := []Epoch{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {2, 0}}
	for i, a := range order {
		for k, b := range order {
			want := min(1, max(-1, i-k))
			if got := a.Compare(b); got != want {
				t.Errorf("%v against %v: %d, want %d", a, b, got, want)
			}
		}
	}
}

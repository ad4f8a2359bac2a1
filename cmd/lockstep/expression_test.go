package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/sim/scenario"
)

// someUnits are figures of each unit.
func someUnits() map[string]scenario.Unit {
	return map[string]scenario.Unit{"goodput": scenario.Count, "availability": scenario.Part, "p99": scenario.Time}
}

func TestExpressionsCompareFiguresInTheirUnits(t *testing.T) {
	ms := int64(time.Millisecond)
	for _, c := range []struct {
		text   string
		uses   []scenario.Ref
		values []int64
		want   bool
	}{
		{"goodput >= 0.95 * before.goodput", []scenario.Ref{{Figure: "goodput"}, {Of: "before", Figure: "goodput"}}, []int64{95, 100}, true},
		{"goodput >= 0.95 * before.goodput", []scenario.Ref{{Figure: "goodput"}, {Of: "before", Figure: "goodput"}}, []int64{94, 100}, false},
		{"p99 <= 2 * before.p99", []scenario.Ref{{Figure: "p99"}, {Of: "before", Figure: "p99"}}, []int64{200, 100}, true},
		{"p99 <= before.p99 * 1.5 + duration('1ms')", []scenario.Ref{{Figure: "p99"}, {Of: "before", Figure: "p99"}}, []int64{16 * ms, 10 * ms}, true},
		{"1.5 * p99 < duration('16ms')", []scenario.Ref{{Figure: "p99"}}, []int64{11 * ms}, false},
		{"availability >= 0.999 and goodput > 3", []scenario.Ref{{Figure: "availability"}, {Figure: "goodput"}}, []int64{999_000, 4}, true},
		{"availability >= 0.999 and goodput > 3", []scenario.Ref{{Figure: "availability"}, {Figure: "goodput"}}, []int64{998_999, 4}, false},
		{"goodput / before.goodput <= 0.5", []scenario.Ref{{Figure: "goodput"}, {Of: "before", Figure: "goodput"}}, []int64{1, 2}, true},
		{"goodput / before.goodput <= 0.5", []scenario.Ref{{Figure: "goodput"}, {Of: "before", Figure: "goodput"}}, []int64{1, 0}, false},
		{"goodput / 2.5 > availability / 2", []scenario.Ref{{Figure: "goodput"}, {Figure: "availability"}}, []int64{2, 1_000_000}, true},
	} {
		x, err := compileExpression(c.text, someUnits(), []string{"before"})
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got, err := x.Holds(c.values)
		if err != nil || got != c.want || !slices.Equal(x.Uses, c.uses) {
			t.Errorf("%s over %v: %t %v, uses %v", c.text, c.values, got, err, x.Uses)
		}
	}
}

func TestAnExpressionThatMeansNothingIsRefusedBeforeItRuns(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"goodputt > 1", "unknown name goodputt, at character 1"},
		{"goodput > bofore.goodput", "unknown name bofore, at character 11"},
		{"goodput > before.goodputt", "unknown field goodputt, at character 18"},
		{"goodput + 1", "expected bool, but got int"},
		{"goodput >=", "unexpected token EOF"},
		{"p99 <= 40", "mismatched types time.Duration and int"},
		{"availability > p99", "mismatched types"},
		{"before > 3", "mismatched types"},
		{"p99 / 0.5 > duration('1s')", "invalid operation"},
		{"1 > 2", "it names no figure"},
		{"before == before", "it names no figure"},
		{"$env.goodput > 1", "written name.figure"},
		{"goodput % 0 == 1", "divide"},
		{"now() > now()", "unknown name now"},
	} {
		if _, err := compileExpression(c.text, someUnits(), []string{"before"}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestAnExpressionThatCannotBeComputedSaysSo(t *testing.T) {
	for _, c := range []struct {
		text   string
		values []int64
		want   string
	}{
		{"not (goodput / before.goodput < 0.5)", []int64{0, 0}, "0 is divided by 0"},
		{"goodput / before.goodput != 0.5", []int64{0, 0}, "0 is divided by 0"},
		{"goodput % before.goodput == 0", []int64{1, 0}, "divide by zero"},
		{"p99 < 1e12 * before.p99", []int64{1, int64(time.Second)}, "is too long a time"},
	} {
		x, err := compileExpression(c.text, someUnits(), []string{"before"})
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := x.Holds(c.values); ok || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s over %v: %t %v, want %q", c.text, c.values, ok, err, c.want)
		}
	}
}

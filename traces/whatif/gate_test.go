package whatif_test

import (
	"strings"
	"testing"

	"lockstep/traces/whatif"
)

func TestAGateHoldsAResultToItsLimits(t *testing.T) {
	r := &whatif.Result{
		Before: whatif.Tally{Requests: 1000, Refused: 10, Errors: 4}, After: whatif.Tally{Requests: 1000, Refused: 12, Errors: 1, Failovers: 7},
		Moved: 50, Worst: whatif.Shares{Recorded: 850, Modelled: 100, Unknown: 50},
	}
	for _, c := range []struct {
		gate           string
		judged, passed bool
	}{
		{"refusals<=+0.2%", true, true},
		{"refusals<=+0.1999%", true, false},
		{"refusals<=12", true, true},
		{"refusals<=11", true, false},
		{"errors<=-0.3%, failovers<=7", true, true},
		{"errors<=-4", true, false},
		{"changed<=5%", true, true},
		{"changed<=4.99%", true, false},
		{"changed<=5%, unknown<=4.9%", false, false},
		{"modelled<=100, unknown<=5%", true, true},
	} {
		g, err := whatif.ParseGate(c.gate)
		if err != nil {
			t.Fatal(err)
		}
		if v := g.Judge(r); v.Judged != c.judged || v.Passed != c.passed {
			t.Errorf("%s: judged %v, passed %v: %v", c.gate, v.Judged, v.Passed, v.Lines)
		}
	}
}

func TestAGateThatIsWrongSaysHowToWriteIt(t *testing.T) {
	for gate, want := range map[string]string{
		"refusals<0.1%":     "FIGURE<=VALUE",
		"refusal<=1%":       "use one of refusals, failovers",
		"changed<=+5%":      "without a sign",
		"refusals<=1.23":    "no number",
		"refusals<=+%":      "no number",
		"refusals<=":        "no number",
		"unknown<=200":      "as a share",
		"":                  "FIGURE<=VALUE",
		"errors<=+0.00001%": "at most 4 digits",
	} {
		if _, err := whatif.ParseGate(gate); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", gate, err, want)
		}
	}
}

func TestNothingIsJudgedWithoutARequest(t *testing.T) {
	g, err := whatif.ParseGate("refusals<=5%")
	if err != nil {
		t.Fatal(err)
	}
	if v := g.Judge(&whatif.Result{}); v.Judged || v.Passed {
		t.Error("a recording without requests passes")
	}
}

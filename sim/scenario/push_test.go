package scenario

import (
	"errors"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/sim"
)

// strict loads what load does, and refuses a configuration that says why, with
// its Spec where it says that it has one.
var strict = Host{
	Load: func(config any) (core.Spec, error) {
		tree := config.(map[string]any)
		why, refuse := tree["why"].(string)
		spec, _ := load(config)
		switch {
		case !refuse:
			return spec, nil
		case tree["decodes"] == nil:
			return core.Spec{}, errors.New(why)
		}
		spec.Placements[0].Endpoints[0].URL = ""
		return spec, errors.New(why)
	},
	Tree: func(config any) (any, error) { return config, nil },
}

func TestAnInvalidConfigurationIsSentAndRefusedWhereTheFileSaysSo(t *testing.T) {
	for _, change := range []map[string]any{{"why": "it is blank"}, {"why": "it is blank", "decodes": "yes"}} {
		f := example()
		f.Faults = nil
		f.Pushes = []Push{{At: Span(core.Second), Change: change, Refused: "is blank"}, {At: Span(2 * core.Second)}}
		f.Expect = []Expectation{{Name: "e", Answers: []string{"nack invalid", "ack"}, UnchangedWithout: "pushes"}}
		for name, c := range judged(t, f, strict) {
			if !c.OK {
				t.Errorf("%v, %s: %+v", change, name, c)
			}
		}
		plan, err := f.Plan(strict)
		if err != nil {
			t.Fatal(err)
		}
		kept := FromPlan(plan)
		kept.ModelledOn, kept.Why, kept.Property, kept.Expect = f.ModelledOn, f.Why, f.Property, f.Expect
		again, err := kept.Plan(Host{Load: load})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := sim.Run(*plan, sim.Options{}), sim.Run(*again, sim.Options{}); a.Digest != b.Digest {
			t.Errorf("%v: kept as a file it decides otherwise", change)
		}
	}
}

func TestARefusalForAnotherReasonThanTheFileSaysIsAnError(t *testing.T) {
	for _, c := range []struct {
		push Push
		want string
	}{
		{Push{Change: map[string]any{"why": "a slip of the pen"}}, "pushes[0].change: is a configuration that is not valid: a slip of the pen"},
		{Push{Config: map[string]any{"why": "a slip of the pen"}}, "pushes[0].config: is a configuration that is not valid: a slip of the pen"},
		{
			Push{Change: map[string]any{"why": "a slip of the pen"}, Refused: "blank"},
			`pushes[0].change: is refused as it must be, but not with the words "blank": a slip of the pen`,
		},
		{Push{Change: map[string]any{}, Refused: "blank"}, "pushes[0].refused: is said of a configuration that is valid"},
		{Push{Garbage: true, Refused: "blank"}, "pushes[0].refused: is said of garbage"},
		{Push{Garbage: true, Config: map[string]any{}}, "pushes[0]: says twice what it sends"},
	} {
		f := example()
		f.Expect = []Expectation{{Name: "e", Failed: bound(">= 0")}}
		f.Pushes = []Push{c.push}
		if _, err := f.Plan(strict); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.push, err)
		}
	}
}

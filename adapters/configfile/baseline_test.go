package configfile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/core"
)

const form1 = `{
  "version": "v1",
  "routingTable": {"visa": "visa", "acme": "tier1"},
  "cellEndpoints": {"visa": "http://localhost:9001", "tier1": "http://localhost:9002", "tier3": "http://localhost:9004"},
  "defaultPlacement": "tier3"
}`

const form2 = `{
  "version": "v2",
  "routingTable": {"visa": "visa"},
  "placements": {
    "visa": {
      "url": "http://localhost:9001",
      "fallback": "tier1",
      "health_check": {"path": "/health", "interval": "10s", "timeout": "2s"},
      "circuit_breaker": {"failure_threshold": 5, "timeout": "30s"},
      "concurrency_limit": 100,
      "max_request_body_bytes": 1048576
    },
    "tier1": {"url": "http://localhost:9002"},
    "tier3": {"url": "http://localhost:9004", "fallback": ""}
  },
  "defaultPlacement": "tier3"
}`

func at(url string) []core.EndpointSpec { return []core.EndpointSpec{{URL: url}} }

func TestBothBaselineFormsLoadAsTheyAre(t *testing.T) {
	second := time.Duration(core.Second)
	for _, c := range []struct {
		text string
		form Form
		want core.Spec
	}{
		{form1, Baseline1, core.Spec{
			Version: "v1", Default: "tier3", ChainFallbacks: true,
			Keys: []core.KeySpec{{Key: "acme", Placement: "tier1"}, {Key: "visa", Placement: "visa"}},
			Placements: []core.PlacementSpec{
				{Name: "tier1", Endpoints: at("http://localhost:9002")},
				{Name: "tier3", Endpoints: at("http://localhost:9004")},
				{Name: "visa", Endpoints: at("http://localhost:9001")},
			},
		}},
		{form2, Baseline2, core.Spec{
			Version: "v2", Default: "tier3", ChainFallbacks: true,
			Keys: []core.KeySpec{{Key: "visa", Placement: "visa"}},
			Placements: []core.PlacementSpec{
				{Name: "tier1", Endpoints: at("http://localhost:9002")},
				{Name: "tier3", Endpoints: at("http://localhost:9004")},
				{
					Name: "visa", Endpoints: at("http://localhost:9001"), Fallback: []string{"tier1"},
					Health:  core.HealthSpec{Path: "/health", Every: core.Duration(10 * second), Timeout: core.Duration(2 * second)},
					Breaker: core.BreakerSpec{Failures: 5, Open: core.Duration(30 * second)},
					Limit:   core.LimitSpec{InFlight: 100}, BodyMax: 1 << 20,
				},
			},
		}},
	} {
		f, err := Parse("config.json", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		if f.Form != c.form || len(f.Warnings) > 0 {
			t.Errorf("form %v with warnings %v, want %v without", f.Form, f.Warnings, c.form)
		}
		if d := cmp.Diff(c.want, f.Spec); d != "" {
			t.Error(d)
		}
		if _, err := f.Compile(); err != nil {
			t.Error(err)
		}
	}
}

// edit is form2 with one text replaced by another.
func edit(t *testing.T, old, new string) []byte {
	t.Helper()
	if strings.Count(form2, old) != 1 {
		t.Fatalf("%q is not once in the example", old)
	}
	return []byte(strings.Replace(form2, old, new, 1))
}

func TestWhatTheBaselineAcceptsIsAtMostAWarning(t *testing.T) {
	for _, c := range []struct{ name, old, new, warning string }{
		{"an unknown field", `"version": "v2",`, `"version": "v2", "comment": 5,`, `2:20: there is no setting named "comment" here`},
		{"an unknown field in a placement", `"concurrency_limit"`, `"concurency_limit"`, `10:7: there is no setting named "concurency_limit" here`},
		{"a duplicate key", `{"visa": "visa"}`, `{"visa": "tier1", "visa": "visa"}`, `3:37: "visa" is defined twice`},
		{"a duplicate placement", `"tier1": {"url": "http://localhost:9002"}`, `"tier1": {"url": "http://x"}, "tier1": {"url": "http://localhost:9002"}`, `13:35: "tier1" is defined twice`},
		{"a chain of fallbacks", `"fallback": ""`, `"fallback": "visa"`, ""},
		{"a fallback cycle", `{"url": "http://localhost:9002"}`, `{"url": "http://localhost:9002", "fallback": "visa"}`, `13:59: fallback goes in a circle: visa -> tier1 -> visa`},
		{"a fallback to itself", `"fallback": ""`, `"fallback": "tier3"`, `14:59: fallback goes in a circle: tier3 -> tier3`},
		{"null", `"fallback": "tier1"`, `"fallback": null`, ""},
		{"an empty duration", `"interval": "10s"`, `"interval": ""`, ""},
		{"a negative duration", `"timeout": "30s"`, `"timeout": "-30s"`, `9:62: -30s is not a positive length of time: the default is used`},
		{"a negative limit", `100`, `-100`, `10:28: -100 is negative: the default is used`},
	} {
		f, err := Parse("c", edit(t, c.old, c.new))
		if err == nil {
			_, err = f.Compile()
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := ""
		for _, w := range f.Warnings {
			got += strings.TrimPrefix(w.String(), "c:") + ": " + w.What
		}
		if got != c.warning {
			t.Errorf("%s: warned %q, want %q", c.name, got, c.warning)
		}
	}
}

func TestTheLastOfTwoBaselineDefinitionsCounts(t *testing.T) {
	f, err := Parse("c", edit(t, `{"visa": "visa"}`, `{"visa": "visa", "visa": "tier1"}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []core.KeySpec{{Key: "visa", Placement: "tier1"}}; !cmp.Equal(want, f.Spec.Keys) {
		t.Errorf("keys are %v, want %v", f.Spec.Keys, want)
	}
}

func TestWhatTheBaselineCallsInvalidIsAnErrorInPlace(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"v2"`, `""`, `2:14: version: is empty`},
		{`"version": "v2",`, ``, `1:1: version: is empty`},
		{`"defaultPlacement": "tier3"`, `"defaultPlacement": "tier9"`, `16:23: defaultPlacement: there is no placement named "tier9"`},
		{`"defaultPlacement": "tier3"`, `"x": 1`, `1:1: there is no defaultPlacement`},
		{`{"visa": "visa"}`, `{"visa": "vista"}`, `3:20: routingTable.visa: there is no placement named "vista"`},
		{`"fallback": "tier1"`, `"fallback": "tier2"`, `7:19: placements.visa.fallback: there is no placement named "tier2"`},
		{`"http://localhost:9001"`, `"localhost:9001"`, `6:14: "localhost:9001" is not an absolute http or https URL`},
		{`"url": "http://localhost:9001",`, ``, `5:5: placement "visa" has no url`},
		{`"10s"`, `"10"`, `8:55: 10 is not a length of time`},
		{`"10s"`, `10`, `8:55: 10 is not a length of time`},
		{`"10s"`, `"720h1s"`, `8:55: placements.visa.health_check.interval: is outside 1ms to 30 days`},
		{`100`, `"100"`, `10:28: "100" is not a count`},
		{`100`, `1.5`, `10:28: "1.5" is not a count`},
		{`100`, `{}`, `10:28: this must be a single value, not a map`},
		{`"tier1",`, `5,`, `7:19: 5 is not text`},
		{`{"visa": "visa"}`, `[]`, `3:19: this must be a map, not a list`},
		{`{"visa": "visa"}`, `{"visa": 5}`, `3:28: the placement of a key must be a name`},
		{`"v2",`, `"v2"`, `3:3: this is not valid JSON: invalid character '"' after object key:value pair`},
	} {
		f, err := Parse("c", edit(t, c.old, c.new))
		if err == nil {
			_, err = f.Compile()
		}
		faults, ok := err.(Problems)
		if !ok {
			t.Errorf("%s for %s: %v, want Problems", c.new, c.old, err)
			continue
		}
		if got := fmt.Sprintf("%d:%d: %s", faults[0].Line, faults[0].Column, faults[0].What); got != c.want {
			t.Errorf("%s for %s:\n got %s\nwant %s", c.new, c.old, got, c.want)
		}
	}
}

func TestAFileWithBothBaselineFormsIsRoutedByCellEndpoints(t *testing.T) {
	f, err := Parse("c", edit(t, `"defaultPlacement"`, `"cellEndpoints": {"tier1": "http://other:1", "cell9": "http://nine:1"}, "defaultPlacement"`))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range f.Spec.Placements {
		got[p.Name] = p.Endpoints[0].URL
	}
	want := map[string]string{"tier1": "http://other:1", "cell9": "http://nine:1", "tier3": "http://localhost:9004", "visa": "http://localhost:9001"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(f.Warnings) != 1 {
		t.Errorf("warnings: %v, want one about tier1", f.Warnings)
	}
}

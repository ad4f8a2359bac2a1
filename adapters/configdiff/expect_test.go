package configdiff

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// routed is the example of configfile that has every source of a key.
func routed(t *testing.T) Side {
	t.Helper()
	data, err := os.ReadFile("../configfile/testdata/good/routes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, "routes.yaml", string(data))
}

// judge puts golden requests, without their first line, to a configuration.
func judge(t *testing.T, s Side, requests string) *Expectations {
	t.Helper()
	f, err := ParseExpect("golden.yaml", []byte("expect: 1\nrequests:\n"+requests))
	if err != nil {
		t.Fatal(err)
	}
	x, err := f.Judge(s)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestARequestFindsItsRouteAndKeyByEverySource(t *testing.T) {
	s := routed(t)
	for name, request := range map[string]string{
		"claim":       `{host: api.example.com, listener: edge, path: /v1, claims: {tenant: acme}}`,
		"URI":         `{host: api.example.com, listener: edge, path: /v1, client_cert: ["spiffe://example/tenant/acme"]}`,
		"DNS":         `{host: api.example.com, listener: edge, path: /v1, client_cert: [acme.clients.example.com]}`,
		"header":      `{host: api.example.com, listener: edge, path: /v1/x, headers: {x-tenant: acme}}`,
		"host":        `{host: acme.api.example.com, listener: edge, path: /v1}`,
		"other route": `{host: api.internal, listener: mesh, headers: {X-Routing-Key: acme}}`,
	} {
		x := judge(t, s, "  - "+strings.TrimSuffix(request, "}")+", want: {key: acme, placement: cell-12, candidates: [cell-12], reason: dedicated, failover: none}}\n")
		if x.Failed > 0 {
			t.Errorf("%s: %v", name, x.Results[0].Faults)
		}
	}
}

func TestWhatIsRefusedSaysItsStatus(t *testing.T) {
	x := judge(t, routed(t), `
  - {host: other.example.com, listener: edge, path: /v9, headers: {X-Routing-Key: visa}, want: {route: any, placement: cell-07}}
  - {host: api.example.com, listener: edge, path: /v1/../x, want: {refused: 400}}
  - {host: api.example.com, listener: edge, path: /v1, headers: {x-tenant: nobody}, want: {refused: 404, route: api}}
  - {host: api.internal, listener: mesh, want: {refused: 400}}
`)
	for _, r := range x.Results {
		if !r.Passed {
			t.Errorf("%s: %v", r.Name, r.Faults)
		}
	}
}

const chained = `lockstep: 1
version: v
defaults: {health: HEALTH, breaker: BREAKER}
placements:
  a: {endpoints: {one: {url: "http://a:1"}, two: {url: "http://a:2"}, three: {url: "http://a:3"}}, fallback: [b, c]}
  b: {endpoints: {one: {url: "http://b:1"}}, limit: {guests: 0}}
  c: {endpoints: {one: {url: "http://c:1"}}}
keys: {k: a, s: {a: 50%, c: 50%}}
`

func TestPlacementsThatAreDownAreLeftAsTheirSettingsLet(t *testing.T) {
	health := "{get: /health, every: 5s, timeout: 1s, rise: 2, fall: 3}"
	for _, c := range []struct{ health, breaker, want string }{
		{"none", "{consecutive_failures: 5}", "{placement: c, failover: circuit_open}"},
		{health, "{consecutive_failures: 5}", "{placement: c, failover: circuit_open}"},
		{health, "none", "{placement: c, failover: upstream_unhealthy}"},
		{"{get: /health, start: unhealthy}", "none", "{placement: c, failover: upstream_unhealthy}"},
		{health, "{consecutive_failures: 5, max_open: 50%}", "{placement: c}"},
		{"none", "{consecutive_failures: none, failure_ratio: 50%}", "{placement: c, failover: circuit_open}"},
	} {
		s := parse(t, "c", strings.NewReplacer("HEALTH", c.health, "BREAKER", c.breaker).Replace(chained))
		if x := judge(t, s, "  - {key: k, down: [a], want: "+c.want+"}\n"); x.Failed > 0 {
			t.Errorf("health %s, breaker %s: %v", c.health, c.breaker, x.Results[0].Faults)
		}
	}
	for name, breaker := range map[string]string{"nothing": "none", "max_open alone": "{max_open: 50%}"} {
		s := parse(t, "c", strings.NewReplacer("HEALTH", "none", "BREAKER", breaker).Replace(chained))
		x := judge(t, s, "  - {key: k, down: [a], want: {placement: a}}\n")
		if x.Failed != 1 || !strings.Contains(x.Results[0].Faults[0], "which is down") {
			t.Errorf("%s takes a out: %+v", name, x.Results[0])
		}
	}
}

func TestOfASplitOnlyWhatAllPartsAgreeOnIsCertain(t *testing.T) {
	s := parse(t, "c", strings.NewReplacer("HEALTH", "none", "BREAKER", "{}").Replace(chained))
	x := judge(t, s, `
  - {key: s, want: {split: {c: 50%, a: 50%}, reason: dedicated}}
  - {key: s, down: [a], want: {placement: c}}
  - {key: s, want: {placement: a}}
`)
	if x.Failed != 1 || x.Results[2].Passed || !strings.Contains(x.Results[2].Faults[0], "a split: a 50% c 50%") {
		t.Errorf("%+v", x.Results)
	}
}

func TestFailingGoldenRequestsAreShownWhereTheyAreWritten(t *testing.T) {
	x := judge(t, load(t, "new.yaml"), "  - {key: acme, route: api, want: {placement: cell-07, reason: tier}}\n  - {key: acme, route: apy, want: {placement: cell-07}}\n  - {key: acme, route: api, down: [cell-99], want: {placement: cell-07}}\n  - {key: acme, want: {placement: cell-07}}\n")
	var got []string
	for _, r := range x.Results {
		got = append(got, r.At.String()+" "+strings.Join(r.Faults, "; "))
	}
	want := []string{
		"golden.yaml:3:64 reason: wanted tier, got dedicated",
		`golden.yaml:4:24 new.yaml has no route named "apy"`,
		`golden.yaml:5:36 new.yaml has no placement named "cell-99"`,
		"golden.yaml:6:5 new.yaml has 2 routes, and this key does not say by which it came",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s\nwant %s", got[i], want[i])
		}
	}
	if at := x.Results[0].Got.At; at == nil || at.String() != "new.yaml:45:13" {
		t.Errorf("decided at %v", at)
	}
}

func TestFaultsOfAFileOfGoldenRequestsAreShownWhereTheyStand(t *testing.T) {
	for text, want := range map[string]string{
		"expect: 2\nrequests: [{key: k, want: {placement: a}}]\n": "g:1:9: this is not a file of golden requests of version 1",
		"expect: 1\n": "there are no golden requests",
		"expect: 1\nrequests: [{want: {placement: a}}]\n":                                          "g:2:12: this is neither a key nor a request",
		"expect: 1\nrequests: [{key: k}]\n":                                                        "g:2:12: this expects nothing",
		"expect: 1\nrequests: [{key: k, host: h, want: {placement: a}}]\n":                         "this has a key and is a request as well",
		"expect: 1\nrequests: [{key: k, want: {placment: a}}]\n":                                   `there is no setting named "placment" here`,
		"expect: 1\nrequests: [{key: k, want: {refused: 200}}]\n":                                  "200 is not the status of a refusal",
		"expect: 1\nrequests: [{key: k, want: {refused: 404, placement: a}}]\n":                    "a request that is refused has no placement",
		"expect: 1\nrequests: [{key: k, want: {reason: because}}]\n":                               `"because" is not a reason`,
		"expect: 1\nrequests: [{key: k, want: {failover: never}}]\n":                               `"never" is not a reason of a failover`,
		"expect: 1\nrequests: [{key: k, want: {split: {a: 50}}}]\n":                                `"50" is not a share`,
		"expect: 1\nrequests: [{path: v1, want: {refused: 404}}]\n":                                `"v1" is not a path`,
		"expect: 1\nrequests: [{host: h, route: r, want: {refused: 404}}]\n":                       "there is no key",
		"expect: 1\nrequests: [{key: k, want: {placement: a}}, {key: k, want: {placement: a}}}]\n": "not valid YAML",
	} {
		_, err := ParseExpect("g", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
}

func TestCoverageCountsWhatIsReachedAndNamesTheRest(t *testing.T) {
	s := parse(t, "c", strings.NewReplacer("HEALTH", "none", "BREAKER", "{}").Replace(chained))
	x := judge(t, s, "  - {key: k, want: {placement: a}}\n  - {key: k, down: [a], want: {placement: c}}\n")
	// Of 1 route, 1 unknown key, 1 table, 2 classes, 3 placements and 2 links these reach 1, 0, 1, 1, 2 and 1.
	if c := x.Coverage; c.Covered != 6 || c.Total != 10 {
		t.Errorf("%+v", c)
	}
	missing := ""
	for _, k := range x.Coverage.Kinds {
		for _, name := range k.Missing {
			missing += k.Kind + ": " + name + "\n"
		}
	}
	want := "unknown keys: route 0\nkey classes: keys → a 50% c 50%\nplacements: b\nfallback links: a → b\n"
	if missing != want {
		t.Errorf("missing:\n%swant:\n%s", missing, want)
	}
	if x.FailUnder(600_000); !x.OK() {
		t.Error("60 % are not enough for 60 %")
	}
	if x.FailUnder(600_001); x.OK() {
		t.Error("60 % are enough for more")
	}
}

func TestTheDraftOfAConfigurationHoldsForIt(t *testing.T) {
	for _, s := range []Side{routed(t), load(t, "old.yaml"), load(t, "new.yaml"), parse(t, "everything", everything(t)), parse(t, "baseline", `{"version":"v","defaultPlacement":"b","routingTable":{"k":"a"},"placements":{"a":{"url":"http://a:1","fallback":"b"},"b":{"url":"http://b:1"}}}`)} {
		if x := drafted(t, s); x.Failed > 0 || x.Passed == 0 {
			t.Errorf("%s: %+v", s.Name, x.Results)
		}
	}
}

// drafted puts the draft of a configuration to itself.
func drafted(t fataler, s Side) *Expectations {
	t.Helper()
	var b strings.Builder
	if err := Draft(&b, s); err != nil {
		t.Fatalf("%v", err)
	}
	f, err := ParseExpect("draft", []byte(b.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	x, err := f.Judge(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return x
}

func TestTheDraftOfAnyConfigurationHoldsForItAndForNothingThatMovesHomes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := parse(t, "a", drawModel(t).text(asIs)), parse(t, "b", drawModel(t).text(asIs))
		if x := drafted(t, a); x.Failed > 0 {
			t.Fatalf("%+v", x.Results)
		}
		var text strings.Builder
		if err := Draft(&text, a); err != nil {
			t.Fatalf("%v", err)
		}
		f, err := ParseExpect("draft", []byte(text.String()))
		if err != nil {
			t.Fatalf("%v", err)
		}
		r, err := Compare(a, b, Options{Expect: f})
		if err != nil {
			t.Fatalf("%v", err)
		}
		if r.Effect == EffectNone && r.Expect.Failed > 0 {
			t.Fatalf("nothing changes, and %d fail", r.Expect.Failed)
		}
		if r.Passed() != (r.Expect.Failed == 0) {
			t.Fatalf("passed %t with %d failed", r.Passed(), r.Expect.Failed)
		}
	})
}

func TestAFileOfManyGoldenRequestsIsRead(t *testing.T) {
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "  - {key: acme, route: api, name: n%d, want: {placement: cell-07}}\n", i)
	}
	if x := judge(t, load(t, "old.yaml"), text.String()); x.Passed != 500 {
		t.Errorf("%d hold", x.Passed)
	}
}

func TestTwoSpellingsOfOneHeaderAreRefused(t *testing.T) {
	_, err := ParseExpect("golden.yaml", []byte("expect: 1\nrequests: [{host: a, headers: {x-tenant: acme, X-Tenant: delta}, want: {key: acme}}]\n"))
	if err == nil || !strings.Contains(err.Error(), "golden.yaml:2:42: this is the same header as X-Tenant") {
		t.Errorf("the error is %v", err)
	}
}

func TestAListenerThatIsNotThereFailsTheRequest(t *testing.T) {
	x := judge(t, routed(t), "  - {host: api.example.com, listener: nope, path: /v1, want: {refused: 404}}\n")
	if r := x.Results[0]; r.Passed || r.Faults[0] != `routes.yaml has no listener named "nope"` || r.At.String() != "golden.yaml:3:39" {
		t.Errorf("%+v", r)
	}
}

func TestRequestsThatDifferByAHeaderHaveDifferentTitles(t *testing.T) {
	x := judge(t, routed(t), `
  - {host: api.example.com, listener: edge, path: /v1, headers: {x-tenant: acme}, want: {key: acme}}
  - {host: api.example.com, listener: edge, path: /v1, headers: {x-tenant: nobody}, want: {refused: 404}}
`)
	if a, b := x.Results[0].Name, x.Results[1].Name; a == b || !strings.HasSuffix(b, "with x-tenant: nobody") {
		t.Errorf("the titles are %q and %q", a, b)
	}
}

func FuzzExpect(f *testing.F) {
	f.Add("expect: 1\nrequests:\n  - {host: api.example.com, listener: edge, path: /v1, headers: {x-tenant: acme}, claims: {tenant: acme}, client_cert: [a@b.c], want: {key: acme}}\n")
	f.Add("expect: 1\nrequests: [{key: acme, route: api, down: [cell-12], want: {split: {cell-12: 95%}, candidates: [cell-12], reason: tier, refused: 503}}]\n")
	data, err := os.ReadFile("../configfile/testdata/good/routes.yaml")
	if err != nil {
		f.Fatal(err)
	}
	s := parse(f, "routes.yaml", string(data))
	f.Fuzz(func(t *testing.T, text string) {
		golden, err := ParseExpect("golden.yaml", []byte(text))
		if err != nil {
			return
		}
		x, err := golden.Judge(s)
		if err != nil || x.Passed+x.Failed != len(golden.Requests) {
			t.Errorf("%d requests: %+v, %v", len(golden.Requests), x, err)
		}
	})
}

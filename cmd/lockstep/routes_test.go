package main

import (
	"strings"
	"testing"

	"lockstep/adapters/configfile"
	"lockstep/core"
	"lockstep/sim/scenario"
	"lockstep/traces"
	"lockstep/traces/explain"
)

const routedConfig = `lockstep: 1
version: routed
routing: {no_route: {reject: 421}}
routes:
  - {name: api, match: {host: api.example.com}, key: [{jwt_claim: tenant, jwks: {file: j}}, {header: X-Tenant}], table: tenants, unknown_key: {reject: 404}}
  - {match: {host: api.internal}, unknown_key: {to: b}}
  - {match: {host: api.internal, path: /v1}}
placements:
  a: {endpoints: {one: {url: "http://a:1"}}}
  b: {endpoints: {one: {url: "http://b:1"}}}
keys: {k: b}
tables:
  tenants: {k: a, moving: {a: 95%, b: 5%}}
  spare: {k: a}
`

func TestCheckTellsWhereAKeyGoesByEachRoute(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"the verdict": {nil, exitOK, []string{
			"OK  c.yaml   native form, version routed: 3 routes, 2 placements, 2 endpoints, 4 keys, 3 warnings",
			`warning: c.yaml:7:5: route "api.internal/v1" is never reached: api.internal/v1 by api.internal`,
			`warning: c.yaml:14:3: no route uses the table "spare"`,
		}},
		"every route": {[]string{"--explain-key", "k"}, exitOK, []string{
			`key "k" by route api goes to a   c.yaml:13:13`, `key "k" by route api.internal goes to b   c.yaml:11:8`,
		}},
		"the route of a host": {[]string{"--explain-key", "k", "--host", "API.internal:443"}, exitOK, []string{`key "k" by route api.internal goes to b`}},
		"an unknown key":      {[]string{"--explain-key", "x", "--host", "api.example.com", "--path", "/v1"}, exitOK, []string{`key "x" by route api is unknown: refused with 404`}},
		"another's default":   {[]string{"--explain-key", "x", "--host", "api.internal"}, exitOK, []string{`key "x" by route api.internal is unknown: the default is b   c.yaml:6:53`}},
		"a route's settings": {[]string{"--effective", "routes.api"}, exitOK, []string{
			"match.host", "api.example.com", "c.yaml:5:31", "jwt_claim tenant, jwks j, leeway 30s", "header X-Tenant", "tenants", "404", "routing.no_route.reject", "421", "c.yaml:3:30", "256B", "request id",
		}},
		"a split": {[]string{"--explain-key", "moving", "--host", "api.example.com"}, exitOK, []string{
			`key "moving" by route api is split: 95% goes to a   c.yaml:13:19`, `key "moving" by route api is split: 5% goes to b`,
		}},
	} {
		code, out, errs := check(t, routedConfig, c.args...)
		if code != c.code || errs != "" {
			t.Errorf("%s: exit %d, said %q", name, code, errs)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: the output lacks %q:\n%s", name, want, out)
			}
		}
	}
	if code, _, errs := check(t, routedConfig, "--explain-key", "k", "--host", "other"); code != exitUsage || !strings.Contains(errs, `no route takes a request for host "other", path "/", listener "": it is refused with 421`) {
		t.Errorf("a host that no route takes: exit %d, said %q", code, errs)
	}
}

func TestExplainSaysFromWhereAKeyCameAndWhereItStands(t *testing.T) {
	file, err := configfile.Parse("c.yaml", []byte(routedConfig))
	if err != nil {
		t.Fatal(err)
	}
	c, err := file.Compile()
	if err != nil {
		t.Fatal(err)
	}
	e := &explainHooks{file: file, compiled: c}
	other := *e
	if other.compiled, err = core.Compile(core.Spec{Version: "2", Placements: file.Spec.Placements}); err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		key    string
		ev     core.Event
		e      *explainHooks
		prints string
	}{
		{"k", core.Event{Source: 1}, e, "k, from header X-Tenant, route api, -> a, dedicated   c.yaml:13:13"},
		{"k", core.Event{Via: 1}, e, "k, from header X-Routing-Key, route api.internal, -> b, dedicated   c.yaml:11:8"},
		{"x", core.Event{Via: 1}, e, "x, from header X-Routing-Key, route api.internal, is not in the table; unknown keys go to b (R1)   c.yaml:6:53"},
		{"moving", core.Event{Split: 1}, e, "moving, from jwt_claim tenant, route api, -> a, dedicated: a part of a 95% b 5%, drawn by who sent it (R1)   c.yaml:13:19"},
		{"k", core.Event{}, &other, `k, from jwt_claim tenant, route api, -> a, dedicated   (c.yaml is another configuration, version "2")`},
	} {
		route := traces.RouteOf(c, w.key, &w.ev)
		if got := explain.RouteText(c, &w.ev, w.key, route, w.e.hooks()); got != w.prints {
			t.Errorf("\n got %s\nwant %s", got, w.prints)
		}
	}
}

func TestAKeptConfigurationHasTheRoutesTablesAndSplits(t *testing.T) {
	file, err := configfile.Parse("c.yaml", []byte(routedConfig))
	if err != nil {
		t.Fatal(err)
	}
	c, err := file.Compile()
	if err != nil {
		t.Fatal(err)
	}
	text := scenario.Text(scenario.ConfigTree(&file.Spec, nil))
	kept, err := configfile.Parse("kept.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	k, err := kept.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for via := range uint16(3) {
		for _, key := range []string{"k", "moving", "x"} {
			for split := range uint64(20) {
				want, _ := c.MatchVia(via, key, split)
				if got, _ := k.MatchVia(via, key, split); got != want {
					t.Errorf("%s by route %d: %+v, want %+v", key, via, got, want)
				}
			}
		}
	}
	if k.NoRouteStatus() != 421 || k.RouteInfo(0).Status != 404 {
		t.Errorf("statuses %d and %d", k.NoRouteStatus(), k.RouteInfo(0).Status)
	}
}

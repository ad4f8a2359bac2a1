package routing_test

import (
	"net/http/httptest"
	"testing"

	"lockstep/adapters/routing"
	"lockstep/core"
)

func TestOfflineBelievesClaimsAndReadsNoKeyFile(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]string
		header string
		want   string
	}{
		"a token that holds": {map[string]string{"tenant": "acme"}, "", "acme"},
		"no token":           {nil, "zeta", "zeta"},
		"another claim":      {map[string]string{"sub": "acme"}, "zeta", "zeta"},
		"none at all":        {nil, "", ""},
	} {
		o, err := routing.NewOffline(compile(t, "routes: [{key: [{jwt_claim: tenant, jwks: {file: /nowhere/jwks.json}}, {header: X-Tenant}]}]"))
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest("GET", "http://api.example.com/v1", nil)
		if c.header != "" {
			req.Header.Set("X-Tenant", c.header)
		}
		var f routing.Found
		o.Find(req, routing.Peer{}, c.claims, &f)
		if f.Key != c.want || f.Refuse != core.ClassNone {
			t.Errorf("%s: key %q, refused as %s", name, f.Key, f.Refuse)
		}
	}
}

func TestOfflineOfAConfigurationWithoutRoutesReadsTheBaselinesHeader(t *testing.T) {
	c, err := core.Compile(core.Spec{Version: "v", Placements: []core.PlacementSpec{{Name: "a", Endpoints: []core.EndpointSpec{{URL: "http://a:1"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	o, err := routing.NewOffline(c)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest("GET", "/", nil)
	req.Header.Set(routing.HeaderKey, "visa")
	var f routing.Found
	if o.Find(req, routing.Peer{}, nil, &f); f.Key != "visa" {
		t.Errorf("key %q", f.Key)
	}
}

package httpproxy_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"lockstep/adapters/settings"
	"lockstep/core"
)

func TestARefusalForWantOfAShareSaysWhenToComeAgain(t *testing.T) {
	for _, c := range []struct {
		limit  core.LimitSpec
		edge   string
		status int
		class  string
	}{
		{core.LimitSpec{InFlight: 2, Priorities: [core.MaxPriorities]uint8{100, 50}}, settings.Whole{Priority: &settings.Priority{Header: "X-Priority", Default: 1}}.Text(), 503, "shed: "},
		{core.LimitSpec{InFlight: 2, TenantShare: 50}, "", 429, "fair_share: "},
	} {
		synctest.Test(t, func(t *testing.T) {
			spec := basic()
			spec.Edge = c.edge
			for i := range spec.Placements {
				if p := &spec.Placements[i]; p.Name == "tier1" {
					p.Limit = c.limit
				}
			}
			g := newRig(t, spec)
			release := make(chan struct{})
			g.serve("tier1:80", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
			var first sync.WaitGroup
			first.Go(func() { g.get("acme") })
			synctest.Wait()
			res, body := g.get("acme")
			close(release)
			first.Wait()
			if res.StatusCode != c.status || !strings.HasPrefix(body, c.class) || res.Header.Get("Retry-After") != "1" {
				t.Errorf("%d %q, Retry-After %q; want %d %s", res.StatusCode, body, res.Header.Get("Retry-After"), c.status, c.class)
			}
			if _, ok := res.Header["X-Circuit-State"]; ok {
				t.Error("a refusal for want of room has a circuit state")
			}
		})
	}
}

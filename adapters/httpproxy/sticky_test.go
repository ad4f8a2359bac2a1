package httpproxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/core"
)

// desk is a placement of three endpoints that pins its clients, and a guest house that does too.
func desk() core.Spec {
	quiet := core.HealthSpec{Off: true}
	return core.Spec{
		Version: "1", Keys: []core.KeySpec{{Key: "visa", Placement: "desk"}, {Key: "acme", Placement: "plain"}},
		Placements: []core.PlacementSpec{
			{
				Name: "desk", Health: quiet, Sticky: core.StickySpec{Cookie: "seat", TTL: 3600 * core.Second}, Breaker: core.BreakerSpec{Failures: 1},
				Endpoints: []core.EndpointSpec{{URL: "http://a:80"}, {URL: "http://b:80"}, {URL: "http://c:80"}}, Fallback: []string{"guest"},
			},
			{Name: "guest", Health: quiet, Sticky: core.StickySpec{Cookie: "bed"}, Endpoints: []core.EndpointSpec{{URL: "http://g:80"}}},
			{Name: "plain", Health: quiet, Endpoints: []core.EndpointSpec{{URL: "http://g:80"}}},
		},
	}
}

// visit sends a request with these cookies and returns who answered and what was set.
func (g *rig) visit(key string, cookies ...*http.Cookie) (who string, set []*http.Cookie) {
	r, _ := http.NewRequest("GET", "http://router/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	res, body := g.do(key, r)
	return strings.Fields(body + " -")[0], res.Cookies()
}

func TestAClientStaysWhereItsCookieSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, desk())
		for _, name := range []string{"a", "b", "c", "g"} {
			g.serve(name+":80", echo(name))
		}
		first, set := g.visit("visa")
		if len(set) != 1 {
			t.Fatalf("the first answer sets %v", set)
		}
		c := set[0]
		if c.Name != "seat" || c.MaxAge != 3600 || c.Path != "/" || !c.HttpOnly || c.Secure || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("the cookie is %s", c)
		}
		config, _ := g.driver.Config()
		for i := range 3 {
			if len(c.Value) != 16 || c.Value == fmt.Sprintf("%016x", config.EndpointID(i)) {
				t.Errorf("the cookie says %q", c.Value)
			}
		}
		for range 5 {
			if who, set := g.visit("visa", c); who != first || len(set) > 0 {
				t.Errorf("with the cookie %s answered and set %v, first was %s", who, set, first)
			}
		}
		if who, set := g.visit("visa", &http.Cookie{Name: "seat", Value: "made-up"}, c); who != first || len(set) > 0 {
			t.Errorf("beside a cookie that means nothing %s answered, and set %v", who, set)
		}
		if _, set := g.visit("visa", &http.Cookie{Name: "seat", Value: "0000000000000000"}); len(set) != 1 {
			t.Errorf("a made-up cookie gets %v", set)
		}
		if _, set := g.visit("acme", c); len(set) != 0 {
			t.Errorf("a placement without cookies sets %v", set)
		}
	})
}

func TestACookieMovesWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, desk())
		down := map[string]bool{}
		for _, name := range []string{"a", "b", "c", "g"} {
			g.serve(name+":80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if down[name] {
					w.WriteHeader(http.StatusInternalServerError)
				}
				echo(name).ServeHTTP(w, r)
			}))
		}
		first, set := g.visit("visa")
		seat := set[0]
		down[first] = true
		if who, set := g.visit("visa", seat); who != first || len(set) != 0 {
			t.Errorf("the failing answer of %s sets %v", who, set)
		}
		second, set := g.visit("visa", seat)
		if second == first || len(set) != 1 || set[0].Value == seat.Value {
			t.Fatalf("behind an open breaker %s answered and set %v", second, set)
		}
		down["a"], down["b"], down["c"] = true, true, true
		g.visit("visa")
		g.visit("visa")
		who, set := g.visit("visa", set[0])
		if who != "g" || len(set) != 1 || set[0].Name != "bed" || set[0].MaxAge != 0 {
			t.Errorf("as a guest, %s answered and set %v", who, set)
		}
		time.Sleep(time.Minute)
		down[first] = false
		if who, set := g.visit("visa", seat); who != first || len(set) != 0 {
			t.Errorf("back home %s answered and set %v", who, set)
		}
	})
}

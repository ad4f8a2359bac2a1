package httpproxy_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"lockstep/adapters/driver"
	"lockstep/adapters/http1"
	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// arrivals remembers the refusals that the router was asked for.
type arrivals struct {
	*driver.Driver
	refused []core.Class
}

func (a *arrivals) Arrive(x driver.Arrival) driver.Admission {
	adm := a.Driver.Arrive(x)
	if adm.Kind == core.Reject {
		a.refused = append(a.refused, adm.Class)
	}
	return adm
}

// useRouter makes the rig's handler ask r.
func (g *rig) useRouter(r httpproxy.Router) {
	g.proxy.CloseIdleConnections()
	g.proxy = httpproxy.NewHandler(r, httpproxy.Options{Dial: g.dial, Log: g.access})
}

func TestARequestThatIsNotHTTPIsADecisionAndALineOfTheLog(t *testing.T) {
	rows := []struct {
		name, raw, refused string
		class              core.Class
		status             float64
	}{
		{"both lengths", "POST /a?b HTTP/1.1\nHost: h\nContent-Length: 1\nTransfer-Encoding: chunked\n\n", "both_lengths", core.BadRequest, 400},
		{"a coding", "POST /a?b HTTP/1.1\nHost: h\nTransfer-Encoding: gzip\n\n", "te_unknown", core.BadRequest, 501},
		{"a long target", "GET /a?" + strings.Repeat("x", 9000) + " HTTP/1.1\nHost: h\n\n", "uri_too_long", core.URITooLong, 414},
		{"many headers", "GET /a?b HTTP/1.1\nHost: h\n" + strings.Repeat("A: b\n", 200) + "\n", "too_many_headers", core.HeaderTooLarge, 431},
		{"half a head", "GET /a?b HTTP/1.1\nHost: h\n", "header_timeout", core.RequestTimeout, 408},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t, basic())
				seen := &arrivals{Driver: g.driver}
				g.useRouter(seen)
				s := http1.New(g.proxy, http1.Options{Refused: g.proxy.Refused})
				go s.Serve(g.net.Listen("router:80"))
				defer s.Close()
				answer := g.talk(row.raw)
				synctest.Wait()
				if len(seen.refused) != 1 || seen.refused[0] != row.class {
					t.Errorf("the router decided %v, want %v", seen.refused, row.class)
				}
				g.access.Close()
				var line map[string]any
				if err := json.Unmarshal(g.log.Bytes(), &line); err != nil {
					t.Fatalf("log %q: %v", g.log.String(), err)
				}
				for k, v := range map[string]any{"refused": row.refused, "status_code": row.status, "path": "/a", "client": "192.0.2.1:4000"} {
					if line[k] != v {
						t.Errorf("%s is %v, want %v", k, line[k], v)
					}
				}
				id, _ := line["request_id"].(string)
				if len(id) != 32 || !strings.Contains(answer, "X-Request-Id: "+id+"\r\n") {
					t.Errorf("the answer does not carry the id %q of its line: %q", id, answer)
				}
			})
		})
	}
}

func TestAClientThatLeavesInsideAHeadIsLoggedAndNothingIsDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		seen := &arrivals{Driver: g.driver}
		g.useRouter(seen)
		s := http1.New(g.proxy, http1.Options{Refused: g.proxy.Refused})
		go s.Serve(g.net.Listen("router:80"))
		defer s.Close()
		leaveAfter(g, "GET / HTTP/1.1\r\nHo", 1)
		synctest.Wait()
		g.access.Close()
		if len(seen.refused) > 0 || !strings.Contains(g.log.String(), `"status_code":499`) || !strings.Contains(g.log.String(), `"refused":"client_closed_early"`) {
			t.Errorf("decided %v, logged %s", seen.refused, g.log.String())
		}
	})
}

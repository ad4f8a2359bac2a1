//go:build peers

package http1_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// TestRouterPingoraOnTheHygieneSuite plays the suite against the Rust router as it
// plays it against other proxies:
//
//	LOCKSTEP_ROUTER_PINGORA=... go test -tags peers -run RouterPingora -v ./adapters/http1
//
// Pingora reads HTTP by itself, so it may refuse what we take and name another
// reason. What it may never do is let a request through that the case hides, or one
// that we refuse.
func TestRouterPingoraOnTheHygieneSuite(t *testing.T) {
	binary := os.Getenv("LOCKSTEP_ROUTER_PINGORA")
	if binary == "" {
		t.Fatal("name the binary in LOCKSTEP_ROUTER_PINGORA")
	}
	cases := hygieneCases()
	results := make([]result, len(cases))
	var all sync.WaitGroup
	const lanes = 6 // each with a router and an origin of its own
	for lane := range lanes {
		p := startProgram(t, binary, "router-pingora", routerPingoraConfig, []string{"version"}, "serve", "-c", "FILE", "--no-log", "--threads", "1", "--upgrade-sock", "DIR/sock")
		all.Go(func() {
			for j := lane; j < len(cases); j += lanes {
				results[j] = p.play(t, cases[j].raw)
			}
		})
	}
	all.Wait()
	var differ []string
	for j, c := range cases {
		r := results[j]
		if r.smuggled && !strings.Contains(c.want, "ok") {
			t.Errorf("%s: a hidden request reached the origin (%s)", c.name, r.statuses)
		}
		if r.seen > c.seen {
			t.Errorf("%s: the origin saw %d requests, want %d (%s)", c.name, r.seen, c.seen, r.statuses)
		}
		want := strings.TrimSpace(strings.Repeat("200 ", c.seen))
		if c.want != "ok" {
			want = strings.TrimSpace(want + " " + fmt.Sprint(reasonOf(c.want).Status()))
		}
		if r.seen != c.seen || r.statuses != want {
			differ = append(differ, fmt.Sprintf("| %s | %s / %d | %s / %d |", c.name, want, c.seen, r.statuses, r.seen))
		}
	}
	t.Logf("%d cases, %d differ:\n| case | ours | router-pingora |\n%s", len(cases), len(differ), strings.Join(differ, "\n"))
}

const routerPingoraConfig = `lockstep: 1
routes: [{unknown_key: {to: p}}]
listen: {edge: {address: "ADDRESS"}}
defaults: {health: none, breaker: none}
placements: {p: {endpoints: {a: {url: "http://ORIGIN"}}}}
`

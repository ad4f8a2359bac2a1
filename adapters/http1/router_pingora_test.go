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
// reason: pingoraDiffers has all of it. What it may never do is let a request through
// that the case hides.
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
	why := map[string]string{}
	for _, d := range pingoraDiffers {
		for _, name := range d.cases {
			why[name] = d.because
		}
	}
	differ := 0
	for j, c := range cases {
		r := results[j]
		if r.smuggled && c.want != "ok" {
			t.Errorf("%s: a hidden request reached the origin (%s)", c.name, r.statuses)
		}
		want := strings.TrimSpace(strings.Repeat("200 ", c.seen))
		if c.want != "ok" {
			want = strings.TrimSpace(want + " " + fmt.Sprint(reasonOf(c.want).Status()))
		}
		same := r.seen == c.seen && r.statuses == want
		switch because := why[c.name]; {
		case same && because != "":
			t.Errorf("%s ends as wanted: delete it from the differences", c.name)
		case !same && because == "":
			t.Errorf("%s: answered %s, and the origin saw %d; want %s and %d", c.name, r.statuses, r.seen, want, c.seen)
		case !same:
			differ++
		}
	}
	t.Logf("%d cases, %d end otherwise than ours", len(cases), differ)
}

// pingoraDiffers are the cases that end otherwise, by the reason why they may.
var pingoraDiffers = []struct {
	because string
	cases   []string
}{
	{"Pingora refuses a last coding that is not chunked before the head can be looked at: 400, not 501", []string{
		"coding identity", "coding gzip", "coding chunked with a parameter", "coding in quotes", "coding xchunked", "coding chunke",
		"coding chunked with a letter behind", "coding cow", "coding chunked and space and word", "coding with a no-break space",
		"coding with a letter that folds to k",
	}},
	{"Pingora's reader of chunks takes it; the origin gets the body in chunks of our own, so that nothing is hidden from it", []string{
		"chunk: size of 16 digits", "chunk: size with a space behind", "chunk: size with a tab behind", "chunk: size with a space and extension",
		"chunk: size empty", "chunk: size only an extension", "chunk: LF in an extension", "chunk: zero byte in an extension",
		"chunk: an extension too long", "chunk: too many extensions", "chunk: the end with bare LF", "chunk: the end is not empty",
		"chunk: a request in place of the end",
	}},
	{"Pingora reads trailers and drops them, whatever they are", []string{
		"trailer: Content-Length", "trailer: Transfer-Encoding", "trailer: Host", "trailer: the routing key", "trailer: X-Forwarded-For",
		"trailer: Connection", "trailer: Authorization", "trailer: folded", "trailer: bare LF", "trailer: bare CR", "trailer: zero byte",
		"trailer: no colon", "trailer: space before the colon", "trailer: too many", "trailer: too large",
	}},
	{"Pingora writes bytes that no target has as %XX before the head can be looked at, and the origin gets it so", []string{
		"line: two spaces behind the target", "line: a word too many", "line: a target with a zero byte", "line: a target with a control",
		"line: a target with DEL", "line: a bare CR in it",
	}},
	{"Pingora refuses the line first, with another status", []string{
		"line: version 01.1", "line: version 1", "line: version in small letters", "line: another protocol", "line: CONNECT",
		"line: CONNECT to a path", "other: a PROXY header",
	}},
	{"Pingora gathers a head up to 1 MiB; what does not end is refused when it is too late (408)", []string{
		"limit: a target that does not end", "limit: a header that does not end",
	}},
	{"the limit of a listener is 64 KiB, that of the suite's server 32 KiB", []string{
		"limit: a head of a byte more",
	}},
	{"the binary speaks HTTP/2 on the same port", []string{
		"other: the preface of HTTP/2",
	}},
}

const routerPingoraConfig = `lockstep: 1
routes: [{unknown_key: {to: p}}]
listen: {edge: {address: "ADDRESS"}}
defaults: {health: none, breaker: none}
placements: {p: {endpoints: {a: {url: "http://ORIGIN"}}}}
`

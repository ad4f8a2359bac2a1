package routing_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"lockstep/adapters/configfile"
	"lockstep/adapters/routing"
	"lockstep/core"
)

const placements = `
placements: {a: {endpoints: {x: {url: "http://a:1"}}}, b: {endpoints: {x: {url: "http://b:1"}}}}
keys: {acme: a, beta: b}
`

// compile compiles a native configuration.
func compile(t testing.TB, text string) *core.Config {
	t.Helper()
	f, err := configfile.Parse("c.yaml", []byte("lockstep: 1\n"+text+placements))
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// request reads a request as a server would: what net/http refuses or changes
// must be part of what is tested.
func request(t testing.TB, text string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// find routes one request under a configuration with one route and that key list.
func find(t testing.TB, c *core.Config, r *http.Request, peer routing.Peer) routing.Found {
	t.Helper()
	router := routing.New(routing.Options{Peer: func(*http.Request) routing.Peer { return peer }})
	defer router.Close()
	var f routing.Found
	router.Find(c, r, &f)
	return f
}

package configfile

import (
	"strings"
	"testing"
)

// What cannot work is refused where it stands, once, with what to write instead.
func TestWhatAnEdgeCannotDoIsRefusedWithItsPlaceAndRemedy(t *testing.T) {
	const placement = "\nplacements: {a: {endpoints: {x: {url: \"http://127.0.0.1:1\"}}}}\n"
	for _, c := range []struct{ text, want, hint string }{
		{`listen: {a: {address: ":8080"}, b: {address: "0.0.0.0:8080"}}` + placement, `c.yaml:2:33: listener "b" has the address of "a"`, "another port"},
		{`listen: {a: {address: "10.0.0.1:8080"}, b: {address: ":8080"}}` + placement, `listener "b" has the address of "a"`, "another port"},
		{`priority: {header: X-P, default: 300}` + placement, `c.yaml:2:34: 300 is no priority`, "use 0, the most critical, to 7"},
		{`priority: {header: X-P, default: -1}` + placement, `c.yaml:2:34: -1 is no priority`, "use 0, the most critical, to 7"},
		{`placements: {a: {endpoints: {dns: "srv:_http._tcp.foo.example:80"}}}`, `c.yaml:2:35: "srv:_http._tcp.foo.example:80" has a port`, `write "srv:_http._tcp.foo.example"`},
		{`placements: {a: {endpoints: {dns: "10.0.0.1:80"}}}`, `c.yaml:2:35: "10.0.0.1:80" is an address`, `{a: {url: "http://10.0.0.1:80"}}`},
	} {
		_, err := Parse("c.yaml", []byte("lockstep: 1\n"+c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.hint) || len(err.(Problems)) != 1 {
			t.Errorf("%s\n%v\nwant %s, %s", c.text, err, c.want, c.hint)
		}
	}
}

func TestAddressesThatDoNotMeetAreNoFault(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{":1", ":1", true},
		{"[::]:1", "10.0.0.1:1", true},
		{"0.0.0.0:1", "[::1]:1", false},
		{"10.0.0.1:1", "10.0.0.2:1", false},
		{":0", ":0", false},
		{":1", ":2", false},
		{"", ":2", false},
	} {
		if SamePort(c.a, c.b) != c.same || SamePort(c.b, c.a) != c.same {
			t.Errorf("%q and %q: want %v", c.a, c.b, c.same)
		}
	}
}

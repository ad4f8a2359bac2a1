package parity

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lockstep/core"
)

func TestEveryClassOfR16HasACase(t *testing.T) {
	all := cases()
	for c := range core.Class(core.Classes) {
		name := c.String() + ":"
		if c == core.ClassNone {
			name = "ok:"
		}
		found := false
		for _, k := range all {
			found = found || strings.HasPrefix(k.name, name)
		}
		if !found {
			t.Errorf("no case is named %q", name)
		}
	}
	if len(all) < 80 {
		t.Errorf("there are %d cases, want at least 80", len(all))
	}
}

func TestNothingButDatesOfNowPortsAndMadeIdsIsMadeAlike(t *testing.T) {
	a := alike{names: []string{"127.0.0.1:4711", "<visa>"}, given: []string{"00000000000000000000000000000007"}}
	now := time.Now().UTC().Format(http.TimeFormat)
	for in, want := range map[string]string{
		"Date: " + now:                        "Date: <now>",
		"Date: Sun, 06 Nov 1994 08:49:37 GMT": "Date: Sun, 06 Nov 1994 08:49:37 GMT",
		"Date: soon":                          "Date: soon",
		"Expires: " + now:                     "Expires: " + now,
		"X-Request-Id: 0123456789abcdef0123456789abcdef": "X-Request-Id: <id>",
		"X-Request-Id: 0123456789ABCDEF0123456789ABCDEF": "X-Request-Id: 0123456789ABCDEF0123456789ABCDEF",
		"X-Request-Id: 00000000000000000000000000000007": "X-Request-Id: 00000000000000000000000000000007",
		"X-Request-Id: my own":                           "X-Request-Id: my own",
		"X-Other-Id: 0123456789abcdef0123456789abcdef":   "X-Other-Id: 0123456789abcdef0123456789abcdef",
		"Location: http://127.0.0.1:4711/x":              "Location: http://<visa>/x",
		"Location: http://127.0.0.1:4712/x":              "Location: http://127.0.0.1:4712/x",
	} {
		if got := a.text(in); got != want {
			t.Errorf("%q is made %q, want %q", in, got, want)
		}
	}
}

// A suite that cannot fail proves nothing: each of these answers differs from
// the one wanted in one thing.
func TestEveryDifferenceOfAnAnswerIsSeen(t *testing.T) {
	want := ok("visa", "dedicated", "closed")
	for name, change := range map[string]func(*answer){
		"the status":             func(a *answer) { a.status = 201 },
		"who served":             func(a *answer) { a.to = "tier3" },
		"the reason":             func(a *answer) { a.why = "default" },
		"the circuit":            func(a *answer) { a.circuit = "" },
		"a failover":             func(a *answer) { a.failover = "circuit_open" },
		"a header more":          func(a *answer) { a.with += "\nServer: x" },
		"a header less":          func(a *answer) { a.with = "Content-Length: 2" },
		"a header twice":         func(a *answer) { a.with += "\nContent-Type: text/plain" },
		"the body":               func(a *answer) { a.body = "no" },
		"the framing":            func(a *answer) { a.chunked = true },
		"a body that breaks off": func(a *answer) { a.cut = true },
		"the connection's end":   func(a *answer) { a.closed = true },
		"an answer before it":    func(a *answer) { a.informed = "HTTP/1.1 103\n" },
		"a trailer":              func(a *answer) { a.trailers = "X: y" },
		"the version":            func(a *answer) { a.proto = "HTTP/1.0" },
		"no date":                func(a *answer) { a.date = "-" },
		"no answer":              func(a *answer) { a.none = true },
	} {
		got := want
		change(&got)
		if differences(want.text(), got.text()) == "" {
			t.Errorf("%s is not seen", name)
		}
	}
}

package httpproxy_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAnAnswerCarriesTheHeadersOfTheBaseline(t *testing.T) {
	rows := []struct {
		name, key           string
		status              int
		to, reason, circuit string
		body                string
	}{
		{"dedicated", "visa", 200, "visa", "dedicated", "closed", "visa GET / "},
		{"tier", "acme", 200, "tier1", "tier", "closed", "tier1 GET / "},
		{"unknown key", "nobody", 200, "tier3", "default", "closed", "tier3 GET / "},
		{"no key", "", 400, "", "", "", "no_key: the request has no X-Routing-Key header\n"},
	}
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		for _, name := range []string{"visa", "tier1", "tier3"} {
			g.serve(name+":80", echo(name))
		}
		for _, row := range rows {
			res, body := g.get(row.key)
			got := []any{res.StatusCode, res.Header.Get("X-Routed-To"), res.Header.Get("X-Route-Reason"), res.Header.Get("X-Circuit-State"), body}
			want := []any{row.status, row.to, row.reason, row.circuit, row.body}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", row.name, diff)
			}
			if id := res.Header.Get("X-Request-Id"); !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
				t.Errorf("%s: made request id %q, want 32 hex digits", row.name, id)
			}
			if v, ok := res.Header["X-Failover-Reason"]; ok {
				t.Errorf("%s: X-Failover-Reason %q without a failover", row.name, v)
			}
		}
	})
}

func TestFiveFailuresOpenTheCircuitAndOneProbeClosesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("tier3:80", echo("tier3"))
		for range 5 {
			res, body := g.get("visa")
			if res.StatusCode != 502 || res.Header.Get("X-Routed-To") != "visa" || !strings.HasPrefix(body, "connect_refused: ") {
				t.Fatalf("refused upstream: %d %v %q", res.StatusCode, res.Header, body)
			}
		}
		res, _ := g.get("visa")
		if res.Header.Get("X-Routed-To") != "tier3" || res.Header.Get("X-Failover-Reason") != "circuit_open" ||
			res.Header.Get("X-Route-Reason") != "dedicated" || res.Header.Get("X-Circuit-State") != "closed" {
			t.Errorf("after five failures: %v", res.Header)
		}
		g.serve("visa:80", echo("visa"))
		time.Sleep(31 * time.Second)
		for _, want := range []string{"half_open", "closed"} {
			if res, _ := g.get("visa"); res.Header.Get("X-Circuit-State") != want {
				t.Errorf("after mending: %v, want %s", res.Header, want)
			}
		}
	})
}

func TestTheRequestGoesUpstreamUnchangedButForItsHeaders(t *testing.T) {
	targets := []string{
		"/a/b?x=1&y=2", "/a//b/../c/%2F%41?q=%zz;&&a=b;c", "//host/path", "/caf%C3%A9/{id}|^", "/?", "/a?b?c", "/%00",
	}
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		var got string
		g.serve("tier1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.RequestURI }))
		for _, target := range targets {
			answer := g.talk("GET " + target + " HTTP/1.1\nHost: h\nX-Routing-Key: acme\nConnection: close\n\n")
			if got != target || !strings.HasPrefix(answer, "HTTP/1.1 200") {
				t.Errorf("upstream got %q, want %q; answer %q", got, target, answer)
			}
		}
	})
}

func TestForwardingHeadersAreAddedAndHopByHopHeadersAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		var got http.Header
		var host string
		g.serve("visa:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got, host = r.Header, r.Host
			h := w.Header()
			h.Set("Keep-Alive", "timeout=5")
			h.Set("Proxy-Authenticate", "Basic")
			h.Set("X-Failover-Reason", "lie")
			h.Set("X-Request-Id", "lie")
			h.Add("Set-Cookie", "a=1")
			h.Add("Set-Cookie", "b=2")
		}))
		answer := g.talk(`GET / HTTP/1.1
Host: shop.example
X-Routing-Key: visa
X-Request-Id: my-id
X-Forwarded-For: 198.51.100.7
X-Forwarded-Proto: https
Connection: close, X-Secret, X-Forwarded-For, X-Routing-Key
X-Secret: hop
Upgrade: h2c
HTTP2-Settings: AAMAAABkAAQAAP__
Keep-Alive: 1
Proxy-Authorization: x
TE: trailers, deflate

`)
		delete(got, "Date")
		want := http.Header{
			"X-Routing-Key": {"visa"}, "X-Request-Id": {"my-id"}, "X-Forwarded-For": {"198.51.100.7, 192.0.2.1"},
			"X-Forwarded-Proto": {"http"}, "Te": {"trailers"},
		}
		if diff := cmp.Diff(want, got); diff != "" || host != "visa:80" {
			t.Errorf("upstream got Host %q and\n%s", host, diff)
		}
		for _, line := range []string{"X-Request-Id: my-id\r\n", "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n", "X-Routed-To: visa\r\n"} {
			if !strings.Contains(answer, line) {
				t.Errorf("the answer lacks %q:\n%s", line, answer)
			}
		}
		for _, name := range []string{"Keep-Alive", "Proxy-Authenticate", "X-Failover-Reason", "lie"} {
			if strings.Contains(answer, name) {
				t.Errorf("the answer has %s:\n%s", name, answer)
			}
		}
	})
}

func TestEveryRequestLeavesOneLogLineOfTheBaseline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, basic())
		g.serve("visa:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(1500 * time.Microsecond) }))
		r, _ := http.NewRequest("GET", "http://router/%22x?q", nil)
		r.Header.Set("X-Request-Id", "id-1")
		g.do("visa", r)
		g.get("")
		r, _ = http.NewRequest("POST", "http://router/", strings.NewReader(strings.Repeat("x", 101)))
		g.do("visa", r)
		g.access.Close()

		lines := strings.Split(strings.TrimSpace(g.log.String()), "\n")
		if len(lines) != 3 {
			t.Fatalf("3 requests left %d lines: %s", len(lines), g.log.String())
		}
		want := `{"timestamp":"2000-01-01T00:00:00Z","request_id":"id-1","method":"GET","path":"/\"x","routing_key":"visa",` +
			`"placement_key":"visa","route_reason":"dedicated","upstream_url":"http://visa:80","status_code":200,"duration_ms":1.5}`
		if lines[0] != want {
			t.Errorf("got  %s\nwant %s", lines[0], want)
		}
		for i, check := range []map[string]any{1: {"status_code": 400.0}, 2: {"status_code": 413.0, "failover_reason": "body_size_limit", "placement_key": "visa"}} {
			var line map[string]any
			if err := json.Unmarshal([]byte(lines[i]), &line); err != nil {
				t.Fatal(err)
			}
			for k, v := range check {
				if line[k] != v {
					t.Errorf("line %d: %s is %v, want %v", i, k, line[k], v)
				}
			}
		}
	})
}

package accesslog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lockstep/core"
)

func parseOne(t *testing.T, f Format, o FormatOptions, line string) (*Entry, error) {
	t.Helper()
	p, err := newParser(f, o)
	if err != nil {
		t.Fatal(err)
	}
	e := new(Entry)
	return e, p.parse(line, e)
}

func at(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.UnixNano()
}

const ms = milli

const routedFormat = `$remote_addr [$msec] "$request" $status $request_time $upstream_addr $upstream_status $upstream_connect_time $upstream_header_time $upstream_response_time "$http_x_tenant"`

func TestEachFormatGivesTheSameNeutralEntry(t *testing.T) {
	for _, c := range []struct {
		name, line string
		format     Format
		o          FormatOptions
		want       Entry
	}{
		{
			"nginx combined tells no upstream and no duration", `10.0.0.1 - - [26/Nov/2026:21:51:04 +0100] "GET /v1/a?x=1 HTTP/1.1" 200 612 "-" "curl/8"`, Nginx,
			FormatOptions{},
			Entry{Arrival: at("2026-11-26T20:51:04Z"), Took: -1, Resolution: second, Method: "GET", URI: "/v1/a?x=1", Received: -1, Sent: 612, Status: 200},
		},
		{
			"nginx with several attempts: the first could not connect", `10.0.0.1 [1795730928.945] "POST /a HTTP/1.1" 200 0.305 10.0.0.7:80, 10.0.0.8:80 502, 200 -, 0.001 -, 0.010 0.002, 0.300 "acme"`, Nginx,
			FormatOptions{LogFormat: routedFormat},
			Entry{
				Arrival: 1795730928945*ms - 305*ms, Took: 305 * ms, Resolution: ms, Method: "POST", URI: "/a", Received: -1, Sent: -1, Status: 200, Told: true,
				Headers: []Field{{"X-Tenant", "acme"}}, Attempts: []Attempt{
					{Upstream: "10.0.0.7:80", Took: 2 * ms, Class: core.ConnectRefused}, {Upstream: "10.0.0.8:80", Status: 200, Took: 300 * ms},
				},
			},
		},
		{
			"nginx after an internal redirect, with a byte escaped", `10.0.0.1 [1795730928.945] "GET /\x22a HTTP/1.1" 504 60.001 10.0.0.7:80 : 10.0.0.9:80 200 : 504 0.000 : 0.001 0.100 : - 0.100 : 59.900 "-"`, Nginx,
			FormatOptions{LogFormat: routedFormat},
			Entry{
				Arrival: 1795730928945*ms - 60001*ms, Took: 60001 * ms, Resolution: ms, Method: "GET", URI: `/"a`, Received: -1, Sent: -1, Status: 504, Told: true, Class: core.ResponseTimeout,
				Attempts: []Attempt{
					{Upstream: "10.0.0.7:80", Status: 200, Took: 100 * ms}, {Upstream: "10.0.0.9:80", Took: 59900 * ms, Class: core.ResponseTimeout},
				},
			},
		},
		{
			"nginx JSON, with syslog before it and a key by a name of one's own",
			`<190>Nov 26 21:51:04 web1 nginx: {"time":"1795730928.945","request_uri":"/a","request_method":"GET","host":"x.example","status":"503","request_time":"0.002","upstream_addr":"cell-b","upstream_status":"502","tenant":"a\"cme"}`,
			NginxJSON,
			FormatOptions{Fields: map[string]string{"tenant": "routing_key"}},
			Entry{
				Arrival: 1795730928943 * ms, Took: 2 * ms, Resolution: ms, Method: "GET", URI: "/a", Host: "x.example", Key: `a"cme`, Received: -1, Sent: -1, Status: 503, Told: true, Class: core.NoEndpoint,
				Attempts: []Attempt{{Upstream: "cell-b", Took: 2 * ms, Class: core.NoEndpoint}},
			},
		},
		{
			"HAProxy with captured headers and syslog", `Nov 26 21:51:04 lb haproxy[14389]: 10.0.1.2:33317 [26/Nov/2026:21:51:04.655] http-in~ cell-b/b1 10/5/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {api.example.com|ac#7Cme} {} "GET /index.html HTTP/1.1"`,
			HAProxy,
			FormatOptions{Captures: []string{"host", "x-tenant"}},
			Entry{
				Arrival: at("2026-11-26T21:51:04.665Z"), Took: 99 * ms, Resolution: ms, Method: "GET", URI: "/index.html", Host: "api.example.com", Received: -1, Sent: 2750, Status: 200, Told: true,
				Headers: []Field{{"X-Tenant", "ac|me"}}, Attempts: []Attempt{{Upstream: "cell-b/b1", Group: "cell-b", Status: 200, Took: 94 * ms}},
			},
		},
		{
			"HAProxy httpslog, where the server refused the connection", `10.0.1.2:33317 [26/Nov/2026:21:51:04.655] fe~ cell-b/b1 0/0/-1/-1/3 503 217 - - SC-- 1/1/0/0/3 0/0 "GET https://api.example.com/x?y HTTP/2.0" 0/000000000/0/0/0 api.example.com/TLSv1.3/TLS_AES_128_GCM_SHA256`,
			HAProxy,
			FormatOptions{},
			Entry{
				Arrival: at("2026-11-26T21:51:04.655Z"), Took: 3 * ms, Resolution: ms, Method: "GET", URI: "/x?y", Host: "api.example.com", Received: -1, Sent: 217, Status: 503, Told: true, Class: core.ConnectRefused,
				Attempts: []Attempt{{Upstream: "cell-b/b1", Group: "cell-b", Took: 3 * ms, Class: core.ConnectRefused}},
			},
		},
		{
			"HAProxy without a server", `10.0.1.2:33317 [26/Nov/2026:21:51:04.655] fe cell-b/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0 "GET / HTTP/1.1"`, HAProxy,
			FormatOptions{},
			Entry{Arrival: at("2026-11-26T21:51:04.655Z"), Took: 0, Resolution: ms, Method: "GET", URI: "/", Received: -1, Sent: 217, Status: 503, Told: true, Class: core.NoEndpoint},
		},
		{
			"Envoy's documented example", `[2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"`, Envoy,
			FormatOptions{},
			Entry{
				Arrival: at("2016-04-15T20:17:00.310Z"), Took: 226 * ms, Resolution: ms, ID: "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2", Method: "POST", URI: "/api/v1/locations", Host: "locations", Received: 154, Sent: 0, Status: 204, Told: true,
				Attempts: []Attempt{{Upstream: "tcp://10.0.2.1:80", Status: 204, Took: 226 * ms}},
			},
		},
		{
			"Envoy with a format of one's own", `2026-11-26T21:51:04.000Z acme UF,URX 503 2 10.0.2.1:80 cell-b`, Envoy,
			FormatOptions{LogFormat: `%START_TIME(%Y-%m-%dT%H:%M:%S.000Z)% %REQ(x-tenant):20% %RESPONSE_FLAGS% %RESPONSE_CODE% %DURATION% %UPSTREAM_HOST% %UPSTREAM_CLUSTER%\n`},
			Entry{
				Arrival: at("2026-11-26T21:51:04Z"), Took: 2 * ms, Resolution: ms, Received: -1, Sent: -1, Status: 503, Told: true, Class: core.ConnectRefused,
				Headers: []Field{{"X-Tenant", "acme"}}, Attempts: []Attempt{{Upstream: "10.0.2.1:80", Group: "cell-b", Took: 2 * ms, Class: core.ConnectRefused}},
			},
		},
		{
			"Envoy JSON as Istio writes it", `{"start_time":"2026-11-26T21:51:04.310Z","method":"GET","path":"/a?b","protocol":"HTTP/1.1","response_code":200,"response_flags":"-","bytes_received":0,"bytes_sent":12,"duration":7,"x_tenant":"acme","authority":"api","request_id":"r1","upstream_host":"10.0.2.1:80","upstream_cluster":"cell-b","route_name":null}`, EnvoyJSON,
			FormatOptions{},
			Entry{
				Arrival: at("2026-11-26T21:51:04.310Z"), Took: 7 * ms, Resolution: ms, ID: "r1", Method: "GET", URI: "/a?b", Host: "api", Received: 0, Sent: 12, Status: 200, Told: true,
				Headers: []Field{{"X-Tenant", "acme"}}, Attempts: []Attempt{{Upstream: "10.0.2.1:80", Group: "cell-b", Status: 200, Took: 7 * ms}},
			},
		},
		{
			"Caddy, with the upstream by log_append", `{"level":"info","ts":1795730928.5,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"127.0.0.1","proto":"HTTP/1.1","method":"GET","host":"api:80","uri":"/a","headers":{"User-Agent":["x"],"X-Tenant":["acme"]}},"bytes_read":0,"duration":0.0015,"size":3,"status":200,"resp_headers":{"Server":["Caddy"]},"upstream":"10.0.2.1:80"}`, Caddy,
			FormatOptions{},
			Entry{
				Arrival: 1795730928500*ms - 1500*1000, Took: 1500 * 1000, Resolution: 1000, Method: "GET", URI: "/a", Host: "api:80", Received: 0, Sent: 3, Status: 200, Told: true,
				Headers: []Field{{"X-Tenant", "acme"}}, Attempts: []Attempt{{Upstream: "10.0.2.1:80", Status: 200, Took: 1500 * 1000}},
			},
		},
		{
			"ours, with a retry", `{"timestamp":"2026-11-26T21:51:04Z","request_id":"r1","method":"GET","path":"/a","routing_key":"acme","placement_key":"cell-b","route_reason":"dedicated","upstream_url":"http://10.0.2.1:80","status_code":200,"duration_ms":7.25,"failover_reason":"circuit_open","class":"ok","attempts":2,"retried":[{"upstream_url":"http://10.0.2.2:80","class":"connect_refused","duration_ms":1}]}`, Own,
			FormatOptions{},
			Entry{
				Arrival: at("2026-11-26T21:51:04Z") - 7250*1000, Took: 7250 * 1000, Resolution: second, ID: "r1", Method: "GET", URI: "/a", Key: "acme", Received: -1, Sent: -1, Status: 200, Told: true,
				Attempts: []Attempt{
					{Upstream: "http://10.0.2.2:80", Group: "cell-b", Took: ms, Class: core.ConnectRefused},
					{Upstream: "http://10.0.2.1:80", Group: "cell-b", Status: 200, Took: 7250 * 1000},
				},
			},
		},
		{
			"ours, refused", `{"timestamp":"2026-11-26T21:51:04Z","request_id":"r1","method":"GET","path":"/a","routing_key":"acme","placement_key":"","route_reason":"","upstream_url":"","status_code":429,"duration_ms":0.1,"failover_reason":"concurrency_limit"}`, Own,
			FormatOptions{},
			Entry{
				Arrival: at("2026-11-26T21:51:04Z") - 100*1000, Took: 100 * 1000, Resolution: second, ID: "r1", Method: "GET", URI: "/a", Key: "acme", Received: -1, Sent: -1, Status: 429, Told: true, Class: core.LimitReached,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := parseOne(t, c.format, c.o, c.line)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, *e, cmpopts.IgnoreUnexported(Entry{}), cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestLinesOfNoRequestAreNotMalformed(t *testing.T) {
	for format, line := range map[Format]string{
		HAProxy: `127.0.0.1:56059 [03/Dec/2026:17:35:10.380] frt/f1: Connection error during SSL handshake`,
		Caddy:   `{"level":"error","ts":1795730928.5,"logger":"http.log.error","msg":"dial tcp: refused","status":502,"request":{"method":"GET"}}`,
	} {
		if _, err := parseOne(t, format, FormatOptions{}, line); !errors.Is(err, errOther) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestAMalformedLineIsRefusedWithWhatWasExpected(t *testing.T) {
	for _, c := range []struct {
		format     Format
		line, want string
	}{
		{Nginx, "", `expected " - "`},
		{Nginx, `10.0.0.1 - - [yesterday] "GET / HTTP/1.1" 200 6 "-" "-"`, `the time is "yesterday", expected`},
		{Nginx, `10.0.0.1 - - [26/Nov/2026:21:51:04 +0100] "GET / HTTP/1.1" abc 6 "-" "-"`, `the status is "abc", expected three digits`},
		{Nginx, `10.0.0.1 - - [26/Nov/2026:21:51:04 +0100] "GET / HTTP/1.1" 200 6 "-" "-" 0.001`, `it goes on with " 0.001" where the format ends`},
		{NginxJSON, `{"time":1795730928,"status":200`, `expected "," or "}"`},
		{NginxJSON, `{"time":1795730928,"status":200} x`, `expected the end of the line`},
		{NginxJSON, `{"time":1795730928}`, `it has no status`},
		{NginxJSON, `{"status":200}`, `it has no time`},
		{Caddy, `nothing`, `it is no JSON object`},
		{HAProxy, `10.0.0.1 hello`, `no date such as`},
		{HAProxy, `c:1 [26/Nov/2026:21:51:04.655] fe b/s 0/0/0/0 200 1 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1"`, `expected five numbers`},
		{HAProxy, `c:1 [26/Nov/2026:21:51:04.655] fe b/s 0/0/0/0/0 200 1 - - ------ 1/1/1/1/0 0/0 "GET / HTTP/1.1"`, `expected four letters`},
		{Envoy, `[x] "GET / HTTP/2" 200 - 0 0 1 1 "-" "-" "-" "-" "-"`, `the time is "x"`},
	} {
		if _, err := parseOne(t, c.format, FormatOptions{}, c.line); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %v, want %q", c.format, c.line, err, c.want)
		}
	}
}

func TestAFormatThatCannotBeReadIsRefusedBeforeTheLog(t *testing.T) {
	for _, c := range []struct {
		format Format
		o      FormatOptions
		want   string
	}{
		{Nginx, FormatOptions{LogFormat: `$status$time_local`}, "nothing stands between status and time_local"},
		{Nginx, FormatOptions{LogFormat: `$status`}, "has no time"},
		{Nginx, FormatOptions{LogFormat: `$msec`}, "has no status"},
		{Nginx, FormatOptions{LogFormat: `${status`}, "has no }"},
		{Nginx, FormatOptions{LogFormat: `$ x`}, "names no variable"},
		{Nginx, FormatOptions{LogFormat: `x`}, "no variable in it"},
		{Envoy, FormatOptions{LogFormat: `%START_TIME`}, "has no second %"},
		{Caddy, FormatOptions{LogFormat: `x`}, "has one form only"},
		{Caddy, FormatOptions{Captures: []string{"Host"}}, "captures are of haproxy"},
		{HAProxy, FormatOptions{Fields: map[string]string{"a": "host"}}, "have no names"},
		{Caddy, FormatOptions{Fields: map[string]string{"a": "nonsense"}}, `nothing is known by the name "nonsense"`},
		{"apache", FormatOptions{}, "is no format"},
	} {
		if _, err := newParser(c.format, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v, want %q", c.format, c.o, err, c.want)
		}
	}
}

func TestTerminationFlagsOfHAProxyMapToClasses(t *testing.T) {
	for flags, want := range map[string]core.Class{
		"----": core.ClassNone, "SC--": core.ConnectRefused, "sC--": core.ConnectTimeout, "SH--": core.ResetBeforeResponse, "sH--": core.ResponseTimeout,
		"SD--": core.BrokenBody, "sD--": core.BodyTimeout, "sQ--": core.QueueTimeout, "CD--": core.ClientGone, "cD--": core.ClientGone, "CH--": core.ClientGone,
		"cR--": core.RequestTimeout, "PH--": core.BadResponse, "IH--": core.Internal, "LR--": core.ClassNone, "RC--": core.LimitReached,
	} {
		if got := haproxyClass(flags, 200); got != want {
			t.Errorf("%s: %v, want %v", flags, got, want)
		}
	}
	for code, want := range map[uint16]core.Class{400: core.BadRequest, 408: core.RequestTimeout, 413: core.BodyTooLarge, 429: core.LimitReached, 403: core.BadRequest, 503: core.NoEndpoint} {
		if got := haproxyClass("PR--", code); got != want {
			t.Errorf("PR %d: %v, want %v", code, got, want)
		}
	}
}

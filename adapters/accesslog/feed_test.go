package accesslog

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lockstep/adapters/configfile"
	"lockstep/core"
	"lockstep/traces"
)

func compile(t testing.TB, text string) *core.Config {
	t.Helper()
	f, err := configfile.Parse("c.yaml", []byte("lockstep: 1\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sampleConfig(t testing.TB) *core.Config {
	t.Helper()
	f, err := configfile.Load("testdata/router.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// plainFormat is the log_format of testdata/nginx.log.
const plainFormat = nginxCombined + ` $request_time $upstream_addr $upstream_status $upstream_response_time "$http_x_routing_key"`

// sampleFeeds are the logs of real servers in testdata.
func sampleFeeds(t testing.TB) map[string]Feed {
	c := sampleConfig(t)
	caddy := compile(t, `
placements: {one: {endpoints: {a: {url: "http://127.0.0.1:21201"}}}, two: {endpoints: {b: {url: "http://127.0.0.1:21202"}}}}
routes: [{unknown_key: {to: one}}]
keys: {t20: two}
`)
	feed := func(name string, f Format, o FormatOptions, c *core.Config) Feed {
		return Feed{Input: Input{Files: []string{"testdata/" + name}, Format: f, Options: o}, Config: c}
	}
	return map[string]Feed{
		"nginx JSON":     feed("nginx.json", NginxJSON, FormatOptions{}, c),
		"nginx":          feed("nginx.log", Nginx, FormatOptions{LogFormat: plainFormat}, c),
		"nginx combined": feed("nginx-combined.log", Nginx, FormatOptions{}, c),
		"haproxy":        feed("haproxy.log", HAProxy, FormatOptions{Captures: []string{"X-Routing-Key", "X-Request-Id"}}, c),
		"caddy":          feed("caddy.json", Caddy, FormatOptions{}, caddy),
	}
}

// replays fails unless every decision of a trace is recomputed as it stands.
func replays(t testing.TB, trace []byte) traces.Header {
	t.Helper()
	r, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		t.Fatal(err)
	}
	v := traces.NewVerifier(traces.Options{})
	if err := v.Run(r); err != nil {
		t.Fatal(err)
	}
	if report := v.Report(); !report.OK() || report.Lost > 0 {
		t.Fatalf("%v, %d lost: %v", report.Divergence, report.Lost, report.Damage)
	}
	return r.Header()
}

func TestTheLogsOfRealServersBecomeTracesThatReplay(t *testing.T) {
	for name, f := range sampleFeeds(t) {
		for _, form := range []traces.Form{traces.Binary, traces.NDJSON} {
			var out bytes.Buffer
			r, err := Import(&out, f, ImportOptions{Form: form})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			h := replays(t, out.Bytes())
			if !slices.Contains(h.Flags, FlagImported) || h.Origin != r.First.UnixNano() || h.Config != f.Config.Digest() {
				t.Errorf("%s: header %+v", name, h)
			}
			refused := 0
			for _, n := range r.Refused {
				refused += n
			}
			if r.Malformed != 0 || r.Requests < 24 || r.Forwarded+refused != r.Requests {
				t.Errorf("%s: %d forwarded and %v refused of %+v", name, r.Forwarded, r.Refused, r.Stats)
			}
		}
	}
}

func TestCompareAgreesWithWhatTheRealServersDid(t *testing.T) {
	for name, f := range sampleFeeds(t) {
		c, err := Compare(f)
		if err != nil {
			t.Fatal(err)
		}
		judged, agree := c.Judged()
		all := 0
		for _, g := range c.Groups {
			all += g.Requests
			if !g.Verdict.Agrees() && len(g.Examples) != min(g.Requests, keptExamples) {
				t.Errorf("%s: %d examples of %+v", name, len(g.Examples), g)
			}
		}
		if all != c.Requests {
			t.Errorf("%s: %d requests have a verdict, of %d", name, all, c.Requests)
		}
		switch name {
		case "nginx combined", "caddy":
			if judged != 0 || c.Count(NoUpstream) != c.Requests-c.Count(Unread) {
				t.Errorf("%s tells no upstream, yet %d are judged", name, judged)
			}
		default:
			// What is left is that breakers here are not those of the servers: while one is open we fail over.
			if other := judged - agree - c.Count(WeFailOver) - c.Count(TheyRetried) - c.Count(TheyFailedOver); judged < c.Requests-2 || other != 0 {
				t.Errorf("%s: %d of %d judged, %d agree, %d without an explanation: %+v", name, judged, c.Requests, agree, other, c.Groups)
			}
		}
	}
}

// write puts a log into a file.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// routedLine is a line of routedFormat; all but its times and places is the same.
func routedLine(endMillis, tookMillis int, upstream, code, key string) string {
	return fmt.Sprintf(`1.1.1.1 [%d.%03d] "GET / HTTP/1.1" %s %d.%03d %s %s 0.000 0.000 %d.%03d "%s"`+"\n",
		1795730000+endMillis/1000, endMillis%1000, code[len(code)-3:], tookMillis/1000, tookMillis%1000, upstream, code, tookMillis/1000, tookMillis%1000, key)
}

const twoCells = `
placements:
  cell-a: {fallback: none, endpoints: {a1: {url: "http://10.0.0.1:80"}, a2: {url: "http://10.0.0.2"}}}
  cell-b: {fallback: [cell-a], endpoints: {b1: {url: "http://10.0.0.3:80"}}}
keys: {ann: cell-a, bob: cell-b}
routes: [{unknown_key: {reject: 421}}]
defaults: {health: none, breaker: {consecutive_failures: 2, open: 1s}}
`

func nginxFeed(t testing.TB, config, text string) Feed {
	return Feed{
		Input:  Input{Files: []string{write(t, "log", text)}, Format: Nginx, Options: FormatOptions{LogFormat: routedFormat}},
		Keys:   []string{"header: X-Tenant"},
		Config: compile(t, config),
	}
}

func TestEachDifferenceHasItsVerdict(t *testing.T) {
	for _, c := range []struct {
		name, text string
		config     string
		maps       []string
		want       map[Verdict]int
	}{
		{"the same", routedLine(10, 5, "10.0.0.3:80", "200", "bob"), twoCells, nil, map[Verdict]int{SameEndpoint: 1}},
		{"another endpoint of the placement", routedLine(10, 5, "10.0.0.2:80", "200", "ann") + routedLine(20, 5, "10.0.0.2:80", "200", "ann"), twoCells, nil, map[Verdict]int{SameEndpoint: 1, OtherEndpoint: 1}},
		{"another placement", routedLine(10, 5, "10.0.0.3:80", "200", "ann"), twoCells, nil, map[Verdict]int{OtherPlacement: 1}},
		{"a later candidate", routedLine(10, 5, "10.0.0.1:80", "200", "bob"), twoCells, nil, map[Verdict]int{TheyFailedOver: 1}},
		{"a retry elsewhere", routedLine(10, 5, "10.0.0.3:80, 10.0.0.1:80", "502, 200", "bob"), twoCells, nil, map[Verdict]int{TheyRetried: 1}},
		{
			"our breaker opens", routedLine(10, 1, "10.0.0.3:80", "502", "bob") + routedLine(20, 1, "10.0.0.3:80", "502", "bob") + routedLine(30, 1, "10.0.0.3:80", "200", "bob"), twoCells, nil,
			map[Verdict]int{SameEndpoint: 2, WeFailOver: 1},
		},
		{"an unknown key is refused here", routedLine(10, 5, "10.0.0.3:80", "200", "eve"), twoCells, nil, map[Verdict]int{RefusedByUs: 1}},
		{"an unknown key goes to the default here", routedLine(10, 5, "10.0.0.3:80", "200", "eve"), strings.Replace(twoCells, "reject: 421", "to: cell-a", 1), nil, map[Verdict]int{UnknownKey: 1}},
		{"they refused", routedLine(10, 5, "-", "429", "bob"), twoCells, nil, map[Verdict]int{RefusedByThem: 1}},
		{"both refuse", routedLine(10, 5, "-", "503", "eve"), twoCells, nil, map[Verdict]int{BothRefuse: 1}},
		{"nobody live is a refusal", routedLine(10, 5, "cell-b", "502", "bob"), twoCells, nil, map[Verdict]int{RefusedByThem: 1}},
		{"an upstream that nobody knows", routedLine(10, 5, "10.9.9.9:80", "200", "bob"), twoCells, nil, map[Verdict]int{NotInConfig: 1}},
		{"the same, mapped", routedLine(10, 5, "10.9.9.9:80", "200", "bob"), twoCells, []string{"10.9.9.9:80=cell-b"}, map[Verdict]int{SameEndpoint: 1}},
		{"mapped to an endpoint", routedLine(10, 5, "10.9.9.9:80", "200", "bob"), twoCells, []string{"10.9.9.9:80=cell-b/b1"}, map[Verdict]int{SameEndpoint: 1}},
		{"no key", routedLine(10, 5, "10.0.0.3:80", "200", "-"), twoCells, nil, map[Verdict]int{NoKey: 1}},
		{"a redirect of their own", routedLine(10, 5, "-", "301", "bob"), twoCells, nil, map[Verdict]int{NotProxied: 1}},
		{"the client had left", routedLine(10, 5, "-", "499", "bob"), twoCells, nil, map[Verdict]int{Unread: 1}},
	} {
		f := nginxFeed(t, c.config, c.text)
		f.Maps = c.maps
		got, err := Compare(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range Verdicts() {
			if got.Count(v) != c.want[v] {
				t.Errorf("%s: %d are %s, want %d: %+v", c.name, got.Count(v), v, c.want[v], got.Groups)
			}
		}
	}
}

func TestOutcomesAreAsLoggedWhereTheEndpointIsTheLoggedOne(t *testing.T) {
	text := routedLine(10, 5, "10.0.0.3:80", "200", "bob") + routedLine(20, 5, "10.0.0.1:80", "200", "bob")
	var out bytes.Buffer
	r, err := Import(&out, nginxFeed(t, twoCells, text), ImportOptions{Form: traces.NDJSON})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Outcomes{Attempts: 2, Logged: 1, Assumed: 1}); r.Outcomes != want {
		t.Errorf("%+v, want %+v", r.Outcomes, want)
	}
	if n := strings.Count(out.String(), `"event":"finish"`); n != 2 {
		t.Errorf("%d attempts end, want 2", n)
	}
}

func TestAnEndpointThatIsSaidToBeDownFailsUntilItIsSaidToBeUp(t *testing.T) {
	line := func(at int, server string) string {
		return fmt.Sprintf(`1.1.1.1:1 [26/Nov/2026:21:51:%02d.000] fe %s 0/0/0/1/1 200 1 - - ---- 1/1/1/1/0 0/0 {bob} "GET / HTTP/1.1"`+"\n", at, server)
	}
	text := line(1, "cell-b/b1") + "Server cell-b/b1 is DOWN, reason: Layer4 connection problem.\n" + line(2, "cell-a/a1") + line(3, "cell-a/a1") + line(4, "cell-a/a1") +
		"Server cell-b/b1 is UP, reason: Layer4 check passed.\n" + line(30, "cell-b/b1") + line(31, "cell-b/b1")
	f := nginxFeed(t, twoCells, text)
	f.Format, f.Options, f.Keys = HAProxy, FormatOptions{Captures: []string{"X-Routing-Key"}}, nil
	got, err := Compare(f)
	if err != nil {
		t.Fatal(err)
	}
	// The first two after it went down still go there and fail; then the breaker is open, as their check said.
	if got.Count(TheyFailedOver) != 2 || got.Count(SameEndpoint)+got.Count(OtherEndpoint) != 4 || got.Other != 2 {
		t.Errorf("%+v", got)
	}
}

func TestWhatAnAttemptSaysOfItsEndpointIsKnownFromItsEndOn(t *testing.T) {
	config := strings.Replace(twoCells, "consecutive_failures: 2", "consecutive_failures: 3", 1)
	// Two fail that came before one that went well and ended sooner.
	text := routedLine(101, 1, "10.0.0.3:80", "200", "bob") + routedLine(200, 150, "10.0.0.3:80", "502", "bob") + routedLine(201, 151, "10.0.0.3:80", "502", "bob") +
		routedLine(301, 1, "10.0.0.1:80", "200", "bob") + routedLine(311, 1, "10.0.0.1:80", "200", "bob")
	got, err := Compare(nginxFeed(t, config, text))
	if err != nil || got.Count(TheyFailedOver) != 1 || got.Count(SameEndpoint)+got.Count(OtherEndpoint) != 4 {
		t.Errorf("the endpoint is down at 301, so its third failure opens the breaker: %+v, %v", got, err)
	}
}

func TestRequestsThatTookLongArePutWhereTheyCame(t *testing.T) {
	text := routedLine(1000, 1, "10.0.0.3:80", "200", "bob") + routedLine(3000, 1, "10.0.0.3:80", "200", "bob") + routedLine(5000, 4500, "10.0.0.3:80", "200", "bob") + routedLine(5001, 1, "10.0.0.3:80", "200", "bob")
	for _, c := range []struct {
		order       Order
		late        int
		first, most int64
	}{
		{Order{}, 0, 500, 0},
		{Order{Window: time.Second}, 1, 999, 499},
		{Order{Most: 1}, 1, 999, 2499},
		{Order{Bytes: 1}, 1, 999, 2499},
	} {
		f := nginxFeed(t, twoCells, text)
		f.Order = c.order
		var out bytes.Buffer
		r, err := Import(&out, f, ImportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if first := r.First.UnixMilli() - 1795730000000; r.Late.Count != c.late || first != c.first || r.Late.Most.Milliseconds() != c.most {
			t.Errorf("%+v: late %+v, the first came at %d ms, want %+v", c.order, r.Late, first, c)
		}
		replays(t, out.Bytes())
	}
}

func TestRequestsOfOneSecondAreSpreadOverIt(t *testing.T) {
	line := `1.1.1.1 - - [26/Nov/2026:21:51:%02d +0000] "GET / HTTP/1.1" 200 6 "-" "-"` + "\n"
	text := strings.Repeat(fmt.Sprintf(line, 4), 4) + fmt.Sprintf(line, 5)
	f := nginxFeed(t, twoCells, text)
	f.Options.LogFormat = ""
	r, err := newReader(f.Input)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	s := newSorter(r, Order{})
	begin := at("2026-11-26T21:51:04Z")
	for _, want := range []int64{0, 250, 500, 750, 1000} {
		e, err := s.next()
		if err != nil || e.Arrival != begin+want*ms {
			t.Fatalf("%v, %v, want %d ms", e, err, want)
		}
	}
	if s.spread != 4 {
		t.Errorf("%d spread, want 4", s.spread)
	}
}

func TestAWrongFormatIsNoticedAndTheLikelyOneNamed(t *testing.T) {
	for format, file := range map[Format]string{HAProxy: "haproxy.log", NginxJSON: "nginx.json", Nginx: "nginx-combined.log", Caddy: "caddy.json"} {
		path := "testdata/" + file
		if got, err := GuessFile(path, FormatOptions{}); got != format || err != nil {
			t.Errorf("%s is taken for %q, %v", path, got, err)
		}
		_, err := Compare(Feed{Input: Input{Files: []string{path}, Format: Envoy}, Config: sampleConfig(t)})
		var wrong *WrongFormatError
		if !errors.As(err, &wrong) || wrong.Likely != format || !strings.Contains(err.Error(), "probably "+string(format)) {
			t.Errorf("%s as envoy: %v", path, err)
		}
	}
	if got, err := GuessFile("testdata/router.yaml", FormatOptions{}); err == nil {
		t.Errorf("a configuration is taken for %q", got)
	}
}

func TestFilesAreReadInTheOrderOfTheirTimesAndUnpacked(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, routedLine(10, 5, "10.0.0.3:80", "200", "bob"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	later := routedLine(20, 5, "10.0.0.3:80", "200", "bob")
	f := nginxFeed(t, twoCells, later)
	f.Files = append(f.Files, write(t, "log.2.gz", packed.String()))
	got, err := Compare(f)
	if err != nil || got.Late.Count != 0 || got.Count(SameEndpoint) != 2 || filepath.Base(got.Files[0]) != "log.2.gz" {
		t.Errorf("%+v, %v", got, err)
	}
	f.Files, f.Stdin = []string{Stdin}, &packed
	if got, err = Compare(f); err != nil || got.Count(SameEndpoint) != 1 {
		t.Errorf("from the standard input: %+v, %v", got, err)
	}
}

func TestTheKeyIsFoundWhereverTheLogHasIt(t *testing.T) {
	routed := strings.Replace(twoCells, "routes: [{unknown_key: {reject: 421}}]", `routes:
  - {match: {host: "*.by-host.example"}, key: [{host_label: 1}], unknown_key: {reject: 421}}
  - {match: {path: /t}, key: [{path_segment: 1, after: /t}, {query: tenant}], unknown_key: {reject: 421}}
  - {key: [{cookie: tenant}, {header: X-Tenant}], unknown_key: {reject: 421}}`, 1)
	format := `$msec $status $upstream_addr $host "$request" "$http_x_tenant" "$cookie_tenant" "$arg_who"`
	line := func(host, uri, header, cookie, who string) string {
		return fmt.Sprintf(`1795730000.000 200 10.0.0.3:80 %s "GET %s HTTP/1.1" "%s" "%s" "%s"`+"\n", host, uri, header, cookie, who)
	}
	for _, c := range []struct {
		name, line string
		keys       []string
		same       int
	}{
		{"in the host", line("bob.by-host.example", "/", "ann", "ann", "-"), nil, 1},
		{"in the path", line("x", "/t/bob/1", "ann", "ann", "-"), nil, 1},
		{"in the query", line("x", "/t?tenant=bob", "ann", "ann", "-"), nil, 1},
		{"in a cookie", line("x", "/", "ann", "bob", "-"), nil, 1},
		{"in a header", line("x", "/", "bob", "-", "-"), nil, 1},
		{"where only --key says", line("x", "/", "ann", "ann", "-"), []string{"query: who"}, 0},
		{"in a parameter that was logged by itself", line("x", "/", "ann", "ann", "bob"), []string{"query: who"}, 1},
		{"in the first of two sources that has it", line("x", "/?a=b", "bob", "ann", "-"), []string{"query: who", "header X-Tenant"}, 1},
	} {
		f := nginxFeed(t, routed, c.line)
		f.Options.LogFormat, f.Keys = format, c.keys
		got, err := Compare(f)
		if err != nil || got.Count(SameEndpoint) != c.same {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

func TestWithoutAConfigurationOneIsMadeOfTheLog(t *testing.T) {
	var text strings.Builder
	for i := range 40 {
		text.WriteString(routedLine(10*i, 5, fmt.Sprintf("10.0.0.%d:80", 1+i%2), "200", "ann"))
		upstream := "10.0.0.3:80"
		if i == 20 {
			upstream = "10.0.0.1:80" // one request of bob's failed over: that does not make it one placement
		}
		text.WriteString(routedLine(10*i+5, 5, upstream, "200", "bob"))
	}
	f := nginxFeed(t, twoCells, text.String())
	f.Config = nil
	var out bytes.Buffer
	r, err := Import(&out, f, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	replays(t, out.Bytes())
	if m := r.Made; m.Placements != 2 || m.Endpoints != 3 || m.Keys != 2 || m.ByGroup || m.Named {
		t.Errorf("%+v", m)
	}
	if r.Outcomes.Logged != 79 || r.Outcomes.Assumed != 1 {
		t.Errorf("%+v: all but one go where they were logged", r.Outcomes)
	}
	f.Config, f.Files = nil, []string{Stdin}
	if _, err := Import(&out, f, ImportOptions{}); err == nil || !strings.Contains(err.Error(), "read once only") {
		t.Errorf("from the standard input: %v", err)
	}
}

func TestOfHAProxyEachBackendIsAPlacementOfTheConfigurationMade(t *testing.T) {
	f := sampleFeeds(t)["haproxy"]
	f.Config, f.Options.Captures = nil, nil
	var out bytes.Buffer
	r, err := Import(&out, f, ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	replays(t, out.Bytes())
	if m := r.Made; m.Placements != 3 || m.Endpoints != 6 || !m.ByGroup || !m.Named || r.Outcomes.Assumed != 0 {
		t.Errorf("%+v, %+v", m, r.Outcomes)
	}
}

func TestWhateverRequestsALogHasItsTraceReplaysAndEveryRequestEnds(t *testing.T) {
	config := twoCells + "facts: {routers: 1}\n"
	config = strings.Replace(config, "defaults: {health: none,", "defaults: {health: {get: /h, every: 1s}, retries: {max: 2}, limit: {in_flight: 2, when_full: {queue: 2, wait: 50ms}},", 1)
	c := compile(t, config)
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		now, n := 100_000, rapid.IntRange(1, 60).Draw(t, "requests")
		for range n {
			now += rapid.SampledFrom([]int{0, 1, 5, 40, 3000}).Draw(t, "gap")
			upstream := rapid.SampledFrom([]string{"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.3:80, 10.0.0.1:80", "cell-b", "-", "10.9.9.9:80"}).Draw(t, "upstream")
			code := rapid.SampledFrom([]string{"200", "404", "500", "502", "503", "504", "499", "502, 200"}).Draw(t, "status")
			if strings.Contains(code, ",") != strings.Contains(upstream, ",") {
				code = "502"
			}
			text.WriteString(routedLine(now, rapid.IntRange(0, 90_000).Draw(t, "took"), upstream, code, rapid.SampledFrom([]string{"ann", "bob", "eve", "-"}).Draw(t, "key")))
		}
		path := filepath.Join(dir, "log")
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		f := Feed{
			Input: Input{Files: []string{path}, Format: Nginx, Options: FormatOptions{LogFormat: routedFormat}},
			Keys:  []string{"header: X-Tenant"}, Config: c, Seed: rapid.Uint64().Draw(t, "seed"),
			Order: Order{Window: rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(t, "window")},
		}
		var out bytes.Buffer
		r, err := Import(&out, f, ImportOptions{})
		if err != nil {
			t.Fatal(err)
		}
		over := r.Forwarded
		for _, n := range r.Refused {
			over += n
		}
		if over != n || r.Requests != n {
			t.Fatalf("%d of %d requests are over: %+v", over, n, r)
		}
		reader, err := traces.NewReader(&out)
		if err != nil {
			t.Fatal(err)
		}
		v := traces.NewVerifier(traces.Options{})
		err = v.Run(reader)
		if report := v.Report(); err != nil || !report.OK() {
			t.Fatalf("%v %+v", err, report)
		}
	})
}

func TestWhatCannotBeAskedIsRefused(t *testing.T) {
	for want, change := range map[string]func(*Feed){
		"maps nothing":                     func(f *Feed) { f.Maps = []string{"x"} },
		"has no placement or endpoint":     func(f *Feed) { f.Maps = []string{"x=y"} },
		"the key source is not understood": func(f *Feed) { f.Keys = []string{"heather: X"} },
		"no such file":                     func(f *Feed) { f.Files = []string{"testdata/none.log"} },
		"read it alone":                    func(f *Feed) { f.Files = append(f.Files, Stdin) },
		"no request in the log":            func(f *Feed) { f.Files = []string{os.DevNull} },
	} {
		f := nginxFeed(t, twoCells, routedLine(10, 5, "-", "429", "bob"))
		change(&f)
		if _, err := Compare(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestALogThatPausesForACenturyIsReadAtOnce(t *testing.T) {
	config := strings.Replace(twoCells, "health: none", "health: {get: /h, every: 1s}", 1)
	text := strings.Replace(routedLine(10, 5, "10.0.0.3:80", "200", "bob"), "[1795730000", "[100000000", 1) + routedLine(20, 99_999_000, "10.0.0.3:80", "200", "bob")
	var out bytes.Buffer
	r, err := Import(&out, nginxFeed(t, config, text), ImportOptions{})
	if err != nil || r.Outcomes.Probes > 400_000 || r.Outcomes.Probes < 3*120 {
		t.Fatal(r, err)
	}
	replays(t, out.Bytes())
}

func TestALogWhoseTimesJumpBackHasNoMoreInFlightThanItLogged(t *testing.T) {
	var text strings.Builder
	for range 2 {
		for i := range 300 {
			text.WriteString(routedLine(200_000+10*i, 5, "10.0.0.3:80", "200", "bob"))
		}
		text.WriteString(routedLine(260_000, 5, "10.0.0.3:80", "200", "bob"))
	}
	f := nginxFeed(t, strings.Replace(twoCells, "defaults: {", "defaults: {limit: {in_flight: 2}, ", 1), text.String())
	f.Order.Window = time.Second
	r, err := Import(&bytes.Buffer{}, f, ImportOptions{})
	if err != nil || r.Late.Count != 299 || len(r.Refused) > 0 {
		t.Errorf("%+v, %v, want 299 late (the last has not come before) and none refused by the limit", r, err)
	}
}

// pipe is a path that gives text once, as the shell's <(zcat access.log.gz) does.
func pipe(t *testing.T, text string) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a path of an open pipe for certain")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	go func() {
		_, _ = io.WriteString(w, text)
		_ = w.Close()
	}()
	return fmt.Sprintf("/dev/fd/%d", r.Fd())
}

func TestOfALogInAPipeNothingIsLost(t *testing.T) {
	const lines = 3000 // more than is read ahead
	text := strings.Repeat(routedLine(1000, 1, "10.0.0.3:80", "200", "bob"), lines)
	f := nginxFeed(t, twoCells, text)
	f.Files = []string{pipe(t, text)}
	if c, err := Compare(f); err != nil || c.Requests != lines || c.Malformed > 0 {
		t.Fatalf("%v: %+v, want %d requests", err, c, lines)
	}
}

func TestWhatIsReadTwiceIsNoPipe(t *testing.T) {
	f := nginxFeed(t, twoCells, "")
	path := pipe(t, "")
	if _, err := GuessFile(path, f.Options); err == nil || !strings.Contains(err.Error(), "can be read once only") {
		t.Errorf("guessing: %v", err)
	}
	f.Files = append(f.Files, path)
	if _, err := Compare(f); err == nil || !strings.Contains(err.Error(), "read it alone") {
		t.Errorf("with another file: %v", err)
	}
	f.Config, f.Files = nil, []string{path}
	if _, err := Import(io.Discard, f, ImportOptions{}); err == nil || !strings.Contains(err.Error(), "is read twice") {
		t.Errorf("without a configuration: %v", err)
	}
}

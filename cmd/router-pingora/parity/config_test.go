package parity

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"lockstep/adapters/configfile"
	"lockstep/adapters/metrics"
)

// moved is a configuration with another version, in which acme moves to visa.
func moved(config string) string {
	s := strings.Replace(config, "v1", "v2", 1)
	s = strings.Replace(s, `"acme":"tier1"`, `"acme":"visa"`, 1)
	return strings.Replace(s, "acme: tier1", "acme: visa", 1)
}

// rewrite writes the configuration anew.
type rewrite string

func (w rewrite) play(r *run) { r.write(string(w)) }

// inForce waits until /debug/config of the admin listener shows a version.
type inForce string

func (v inForce) play(r *run) {
	r.t.Helper()
	until(r.t, "version "+string(v)+" in force", func() bool { return r.debug()["version"] == string(v) })
}

// debug is /debug/config of the admin listener.
func (r *run) debug() map[string]any {
	_, body := fetch("http://" + r.router.admin() + "/debug/config")
	var out map[string]any
	if json.Unmarshal([]byte(body), &out) != nil {
		return nil
	}
	return out
}

// shows holds members of the admin listener's /debug/config.
type shows map[string]any

func (s shows) play(r *run) {
	r.t.Helper()
	got, lines, want := r.debug(), []string{}, []string{}
	for _, name := range sortedKeys(s) {
		lines = append(lines, fmt.Sprintf("%s=%v", name, got[name]))
		want = append(want, fmt.Sprintf("%s=%v", name, s[name]))
	}
	r.same("/debug/config", strings.Join(lines, "\n"), strings.Join(want, "\n"))
}

// decided waits until so many decisions of a kind and cause have been made.
type decided struct {
	kind, cause string
	n           int
}

func (d decided) play(r *run) {
	r.t.Helper()
	name := fmt.Sprintf("lockstep_decisions_total{cause=%s class= kind=%s}", d.cause, d.kind)
	until(r.t, name, func() bool { return r.metrics()[name] >= float64(d.n) })
}

// configCases are the file, its reload, and what says which is in force.
func configCases() (all []*testCase) {
	for _, f := range forms {
		acme := each{"acme", "/", "200 closed tier1"}
		after := each{"acme", "/", "200 closed visa"}
		all = append(all,
			&testCase{name: "the file is watched: a valid change takes effect (" + f.name + ")", config: f.text, yaml: f.yaml, steps: []step{
				acme, rewrite(moved(f.text)), inForce("v2"), after, shows{"version": "v2", "source": "file", "epoch": 2},
			}},
			&testCase{name: "SIGHUP reads the file again (" + f.name + ")", config: f.text, yaml: f.yaml, steps: []step{
				acme, rewrite(moved(f.text)), does(func(r *run) { r.router.signal(syscall.SIGHUP) }), inForce("v2"), after,
			}},
			&testCase{name: "an invalid change is refused and the old one serves on (" + f.name + ")", config: f.text, yaml: f.yaml, steps: []step{
				acme, rewrite(strings.ReplaceAll(moved(f.text), "http://", "")),
				decided{"nack", "invalid", 1},
				acme,
				shows{"version": "v1", "epoch": 1},
				rewrite(moved(f.text)), inForce("v2"), after,
			}},
		)
	}
	return append(all,
		&testCase{name: "a reload keeps what is in flight and what breakers have learnt", config: brittle, steps: []step{
			each{"acme", "/status/500 /status/500", "500 closed tier1, 500 closed tier1"},
			ask{send: get("visa", "/held"), script: "{hold}" + plain, want: ok("visa", "dedicated", "closed"), later: "held"},
			held{"visa", 1},
			rewrite(strings.Replace(brittle, `"v1"`, `"v2"`, 1)), inForce("v2"),
			each{"acme", "/", "200 closed tier3 circuit_open"},
			each{"visa", "/", "429"},
			finish{name: "held"},
		}},
		&testCase{name: "a reload changes limits", config: brittle, steps: []step{
			rewrite(strings.Replace(strings.Replace(brittle, `"v1"`, `"v2"`, 1), `"concurrency_limit":1`, `"concurrency_limit":2`, 1)), inForce("v2"),
			ask{send: get("visa", "/held"), script: "{hold}" + plain, want: ok("visa", "dedicated", "closed"), later: "held"},
			held{"visa", 1},
			each{"visa", "/", "200 closed visa"},
			finish{name: "held"},
		}},
		&testCase{name: "GET /debug/config says what is in force", config: baseline1, steps: []step{does(debugPage)}},
		&testCase{name: "what only warns in a baseline file still loads", config: strings.Replace(baseline1, `"version":"v1",`, `"version":"v1","unheardOf":1,"version":"v1",`, 1), steps: []step{each{"visa", "/", "200 closed visa"}}},
		&testCase{name: "a file with both of the baseline's forms is routed by the first", config: strings.Replace(baseline1, `"defaultPlacement"`, `"placements":{"visa":{"url":"http://<tier3>"}},"defaultPlacement"`, 1), steps: []step{
			each{"visa", "/", "200 closed visa"}, does(func(r *run) {
				if n, _, _ := r.origin("tier3").count(); n != 0 {
					r.t.Error("the second form's URL was used")
				}
			}),
		}},
		&testCase{
			name: "CONFIG_PATH and PORT stand for the flags", config: baseline1, bare: true, env: []string{"CONFIG_PATH=<dir>/c.json", "PORT={port}"},
			steps: []step{each{"visa", "/", "200 closed visa"}}, unrecorded: "no flag names a folder for it",
		},
		&testCase{name: "an invalid file is fatal at the start", config: baseline1, steps: []step{does(fatalStart)}},
		&testCase{name: "the admin listener has the metrics that are listed, with their labels", config: native, yaml: true, steps: []step{each{"visa", "/", "200 closed visa"}, does(metricNames)}},
		&testCase{name: "the admin listener's pages", config: native, yaml: true, steps: []step{does(adminPages)}},
		&testCase{name: "the digest of a configuration is the same everywhere", config: fixed, yaml: true, steps: []step{does(sameDigest)}},
		&testCase{name: "keys come from path, query, cookie and host", yaml: true, config: sources, steps: []step{
			ask{send: "GET /t/visa/x HTTP/1.1\nHost: path.example\n\n", want: ok("visa", "dedicated", "closed")},
			ask{send: "GET /?tenant=visa HTTP/1.1\nHost: query.example\n\n", want: ok("visa", "dedicated", "closed")},
			ask{send: "GET / HTTP/1.1\nHost: cookie.example\nCookie: a=b; tenant=visa\n\n", want: ok("visa", "dedicated", "closed")},
			ask{send: "GET / HTTP/1.1\nHost: visa.label.example\n\n", want: ok("visa", "dedicated", "closed")},
			ask{send: "GET / HTTP/1.1\nHost: other.example\nX-Routing-Key: visa\n\n", want: ok("visa", "dedicated", "closed")},
			ask{send: "GET / HTTP/1.1\nHost: query.example\nX-Routing-Key: visa\n\n", want: refused(400, "no_key: the request has no routing key where its route looks for one")},
		}},
		&testCase{name: "a sticky cookie leads back to its endpoint", yaml: true, config: strings.Replace(one("breaker: none, sticky: {cookie: at, ttl: 1h}"), `{a: {url: "http://<visa>"}}`, `{a: {url: "http://<visa>"}, b: {url: "http://<right>"}}`, 1), steps: []step{does(sticks)}},
	)
}

// fixed has no address that differs from run to run.
const fixed = `lockstep: 1
version: v1
routes: [{name: a, match: {host: a.example}, unknown_key: {reject: 421}}, {unknown_key: {to: pool}}]
defaults: {health: {get: /up, every: 5m, start: unhealthy}, breaker: {preset: envoy}, retries: {max: 2}, timeouts: {connect: 1s}}
placements:
  pool: {endpoints: {a: {url: "http://127.0.0.1:9"}, b: {url: "http://127.0.0.1:10", weight: 50%}}, select: ketama, limit: {in_flight: 9, guests: 3, when_full: {queue: 4, wait: 1s}}}
  cell: {endpoints: {a: {url: "https://127.0.0.1:11"}}, fallback: [pool], body_max: 1MiB, panic_percent: 50%}
keys: {x: cell, y: {cell: 95%, pool: 5%}}
`

const sources = `lockstep: 1
version: v1
routes:
  - {match: {host: path.example}, key: [{path_segment: 2}], unknown_key: {reject: 404}}
  - {match: {host: query.example}, key: [{query: tenant}], unknown_key: {reject: 404}}
  - {match: {host: cookie.example}, key: [{cookie: tenant}], unknown_key: {reject: 404}}
  - {match: {host: "*.label.example"}, key: [{host_label: 1}], unknown_key: {reject: 404}}
  - {unknown_key: {reject: 404}}
defaults: {health: none, fallback: none}
placements: {visa: {endpoints: {a: {url: "http://<visa>"}}}}
keys: {visa: visa}
`

// debugPage looks at the page that the baseline has among those of clients.
func debugPage(r *run) {
	r.t.Helper()
	l := r.dial(nil)
	got := l.receive("GET")
	if _, err := l.conn.Write([]byte(crlf("GET /debug/config HTTP/1.1\nHost: a.example\n\n"))); err != nil {
		r.t.Fatal(err)
	}
	got.wait(r.t)
	var page struct {
		Version      string    `json:"version"`
		Source       string    `json:"source"`
		LastReloadAt time.Time `json:"last_reload_at"`
	}
	d := json.NewDecoder(strings.NewReader(got.soFar()))
	d.DisallowUnknownFields()
	if err := d.Decode(&page); err != nil || time.Since(page.LastReloadAt).Abs() > time.Minute {
		r.t.Errorf("/debug/config is %q: %v", got.soFar(), err)
	}
	body := got.soFar()
	want := answer{status: 200, id: "-", with: "Content-Type: application/json\nContent-Length: " + fmt.Sprint(len(body)), body: body}
	r.same("the header of /debug/config", headerOf(got.text()), headerOf(want.text()))
	r.same("the body of /debug/config", page.Version+" "+page.Source, "v1 file")
}

// headerOf is an answer's text without its body.
func headerOf(text string) string {
	head, _, _ := strings.Cut(text, "\n\n")
	return head + "\n\n"
}

// fatalStart starts the program with a file that cannot be valid.
func fatalStart(r *run) {
	r.t.Helper()
	for name, text := range map[string]string{
		"no-version.json": strings.Replace(baseline1, `"version":"v1",`, "", 1),
		"no-target.json":  strings.Replace(baseline1, `"visa":"visa"`, `"visa":"nowhere"`, 1),
		"no-url.json":     strings.Replace(baseline1, `http://<visa>`, "visa", 1),
		"no-default.json": strings.Replace(baseline1, `"defaultPlacement":"tier3"`, `"defaultPlacement":"none"`, 1),
		"duration.json":   strings.Replace(brittle, `"1h"`, `"1 hour"`, 1),
		"unknown.yaml":    strings.Replace(native, "version: v1", "version: v1\nnonsense: 1", 1),
	} {
		r.file(name, []byte(r.fill(text)))
		c := exec.Command(r.program.path, "serve", "-c", name, "--listen", "127.0.0.1:0")
		c.Dir = r.dir
		out, err := c.CombinedOutput()
		if code := c.ProcessState.ExitCode(); code != 2 {
			r.t.Errorf("%s: exit %d (%v), want 2\n%s", name, code, err, out)
		}
		if !strings.Contains(string(out), name) {
			r.t.Errorf("%s: what it says does not name the file: %s", name, out)
		}
	}
}

// metricNames holds the names, kinds and labels of the metrics against their table.
func metricNames(r *run) {
	r.t.Helper()
	_, page := fetch("http://" + r.router.admin() + "/metrics")
	have := map[string]string{}
	for line := range strings.Lines(page) {
		if f := strings.Fields(line); len(f) == 4 && f[0] == "#" && f[1] == "TYPE" {
			have[f[2]] = f[3]
		}
	}
	for line := range strings.Lines(metrics.Table()) {
		cells := strings.Split(line, "|")
		name := strings.Trim(cells[1], " `")
		if len(cells) < 5 || !strings.HasPrefix(name, "lockstep_") {
			continue
		}
		if kind, ok := have[name]; ok && kind != strings.TrimSpace(cells[2]) {
			r.t.Errorf("%s is a %s, want a %s", name, kind, cells[2])
		} else if !ok && always[name] {
			r.t.Errorf("there is no metric %s", name)
		}
		delete(have, name)
	}
	for name := range have {
		if strings.HasPrefix(name, "lockstep_") {
			r.t.Errorf("the metric %s is not in the table of adapters/metrics", name)
		}
	}
}

// always are the metrics that every router has after its first request.
var always = func() map[string]bool {
	out := map[string]bool{}
	for name := range strings.FieldsSeq(`requests_total request_duration_seconds sent_bytes_total received_bytes_total attempts_total upstream_header_seconds
		events_total decisions_total in_flight guests waiting panic endpoint_in_flight breaker_state breaker_failures endpoint_healthy endpoints_retiring
		config_epoch config_term config_info draining ready ignored_total bugs_total probes_missed_total recorder_lost_blocks_total recorder_lost_steps_total build_info`) {
		out["lockstep_"+name] = true
	}
	return out
}()

// adminPages looks at the pages of operators.
func adminPages(r *run) {
	r.t.Helper()
	for _, p := range []struct {
		path string
		code int
		body string
	}{
		{"/healthz", 200, "ok\n"}, {"/readyz", 200, "ready\n"}, {"/nothing", 404, ""}, {"/metrics", 200, ""}, {"/debug/config", 200, ""},
	} {
		code, body := fetch("http://" + r.router.admin() + p.path)
		if code != p.code || p.body != "" && body != p.body {
			r.t.Errorf("%s: %d %q, want %d %q", p.path, code, body, p.code, p.body)
		}
	}
	shows{"version": "v1", "source": "file", "term": 0, "epoch": 1, "placements": 3, "endpoints": 3, "keys": 2, "in_flight": 0, "draining": false}.play(r)
}

// sameDigest holds the digest that the router shows against that of the file.
func sameDigest(r *run) {
	r.t.Helper()
	path := filepath.Join(r.dir, "c.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	file, err := configfile.Parse(path, text)
	if err != nil {
		r.t.Fatal(err)
	}
	config, err := file.Compile()
	if err != nil {
		r.t.Fatal(err)
	}
	shows{"digest": fmt.Sprintf("%016x", config.Digest())}.play(r)
}

// sticks follows a cookie.
func sticks(r *run) {
	r.t.Helper()
	l := r.dial(nil)
	say := func(cookie string) string {
		got := l.receive("GET")
		if _, err := l.conn.Write([]byte(crlf(get("visa", "/x", "Cookie: "+cookie)))); err != nil {
			r.t.Fatal(err)
		}
		got.wait(r.t)
		return got.header.Get("Set-Cookie")
	}
	set := say("none=1")
	cookie, attributes, _ := strings.Cut(set, ";")
	r.same("the attributes of the cookie", attributes, " Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")
	before, _, _ := r.origin("visa").count()
	for range 4 {
		if again := say(cookie); again != "" {
			r.t.Errorf("a cookie that holds is set again: %s", again)
		}
	}
	after, _, _ := r.origin("visa").count()
	if n := after - before; n != 0 && n != 4 {
		r.t.Errorf("%d of 4 requests with the cookie went to one endpoint, want all or none", n)
	}
}

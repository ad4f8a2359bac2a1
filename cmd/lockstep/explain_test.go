package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/traces/explain"
)

const cells = `lockstep: 1
version: cells
defaults: {health: none}
profiles:
  dedicated: {fallback: none}
routes: [{unknown_key: {reject: 421}}]
placements:
  cell-07: {fallback: [cell-12], endpoints: {a: {url: "http://127.0.0.1:1"}, b: {url: "http://127.0.0.1:2"}}}
  cell-12: {profile: dedicated, endpoints: {a: {url: "http://127.0.0.1:3"}}, limit: {in_flight: 4}}
  shared: {fallback: none, endpoints: {s: {url: "http://127.0.0.1:4"}}}
keys: {visa: cell-07, nordbank: cell-12}
`

func cellsFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cells.yaml")
	if err := os.WriteFile(path, []byte(cells), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A configuration alone tells what would happen with something down or full.
func TestExplainTriesAConfiguration(t *testing.T) {
	file := cellsFile(t)
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--key visa", []string{"WHAT IF, not a recording visa would be sent to cell-07/a", "Assumed all is well", "nothing of this was recorded"}},
		{"--key visa --down cell-07", []string{
			"would be sent to cell-12/a", "cell-07 is down: 2 breakers open", "breakers block all of its 2 endpoints",
			"fallback of cell-07: cell-12 (" + file + ":8:13)",
		}},
		{"--key visa --down cell-07/a", []string{"would be sent to cell-07/b", "a blocked by breaker"}},
		{"--key visa --down cell-07 --full cell-12", []string{
			"would be refused with 429", "cell-12 is full: 4 of 4 in flight, its own", "It came there as a guest, because its home cell-07 was left as circuit_open",
			"placements.cell-12.limit.in_flight: 5 or more (now 4) -> served by cell-12 as a guest",
		}},
		{"--key nordbank --down cell-12", []string{
			"would be refused with 503", "cell-12 was left as circuit_open: breakers block its one endpoint, until +30.000s, and it has no fallback.",
			"placements.cell-12.fallback: [cell-07] -> served by cell-07 as a guest, reason circuit_open (if its keys may go there;",
			"none left fallback of cell-12: none (" + file + ":5:25)",
		}},
		{"--key nobody", []string{"would be refused with 421", "not among the 2 keys of the table", "unknown_key: {to: cell-12} -> served by cell-12"}},
	} {
		code, out, errs := lockstep(append([]string{"explain", "-c", file}, strings.Fields(c.args)...)...)
		for _, want := range c.want {
			if code != exitOK || !strings.Contains(flat(out), want) {
				t.Errorf("%s: exit %d: %q is missing in\n%s%s", c.args, code, want, out, errs)
			}
		}
		if strings.Contains(out, "Not recorded") || strings.Contains(out, "adopted") {
			t.Errorf("%s: it speaks of a recording:\n%s", c.args, out)
		}
	}
	for args, want := range map[string]string{
		"--key visa --down cell-7":    `there is no placement named "cell-7"; did you mean "cell-07"?`,
		"--key visa --down cell-07/c": `there is no endpoint of cell-07 named "c"`,
		"--key visa --full shared":    "shared cannot be full: it has no limit",
		"":                            "--key K",
	} {
		if code, _, errs := lockstep(append([]string{"explain", "-c", file}, strings.Fields(args)...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d: %s", args, code, errs)
		}
	}
}

func TestExplainSaysWhatIsWrongWithItsFlags(t *testing.T) {
	for args, want := range map[string]string{
		"":                                   "name a recording, --admin URL of a running router, or -c FILE",
		"rec":                                "name what to explain",
		"rec --step 1 --key k":               "one of --request, --step and --key",
		"rec --key k --down a":               "for a configuration alone",
		"rec --key k --format html":          "text, markdown or json",
		"rec --class nonsense":               "is no class",
		"rec --admin http://x --key k":       "not both",
		"no-such-recording --key k":          "there is no such file or folder",
		"--admin http://127.0.0.1:1 --key k": "was it started with --admin?",
	} {
		if code, _, errs := lockstep(append([]string{"explain"}, strings.Fields(args)...)...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d: %s", args, code, errs)
		}
	}
}

func TestExplainListsAKeysRequestsAndTellsTheOnlyOne(t *testing.T) {
	path := cellLost(t)
	code, out, errs := lockstep("explain", path, "--key", "nordbank", "--failed", "--limit", "3", "--from", "11s", "--to", "+12s")
	if code != exitOK || strings.Count(out, "\n  1  +11.") != 0 || !strings.HasPrefix(out, "  1  +11.") || !strings.Contains(out, "limit: 200 of 200 in flight,") ||
		!strings.Contains(out, " more: --limit") || !strings.Contains(out, "Each in full:  lockstep explain "+path+" --request ") {
		t.Errorf("exit %d: %s\n%s", code, errs, out)
	}
	if code, out, _ = lockstep("explain", path, "--key", "nordbank", "--limit", "3", "--format", "markdown"); code != exitOK || !strings.HasPrefix(out, "| # | time |") {
		t.Errorf("markdown: %d\n%s", code, out)
	}
	var list struct {
		Requests []explain.Entry
		More     int
	}
	code, out, _ = lockstep("explain", path, "--key", "nordbank", "--limit", "3", "--json")
	if err := json.Unmarshal([]byte(out), &list); code != exitOK || err != nil || len(list.Requests) != 3 || list.More == 0 {
		t.Fatalf("json: %d %v\n%s", code, err, out)
	}
	id := list.Requests[1].ID
	if code, out, _ = lockstep("explain", path, "--request", id, "--from", "0s"); code != exitOK || !strings.Contains(out, "Candidates") {
		t.Errorf("the only one is not told: %d\n%s", code, out)
	}
	if code, _, errs = lockstep("explain", path, "--request", id, "--failed"); code != exitUsage || !strings.Contains(errs, "no request is as asked for") {
		t.Errorf("none: %d %s", code, errs)
	}
}

// The text of an explanation beside the example that the project set itself.
func TestAnExplanationReadsAsItShould(t *testing.T) {
	path := cellLost(t)
	_, out, _ := lockstep("explain", path, "--key", "nordbank", "--failed", "--limit", "300", "--json")
	var list struct{ Requests []explain.Entry }
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Requests) < 200 {
		t.Fatalf("%d requests, %v", len(list.Requests), err)
	}
	_, out, _ = lockstep("explain", path, "--request", list.Requests[148].ID)
	for _, want := range []string{
		"nordbank 429 at once nothing was sent to any endpoint",
		"Why cell-12 was full: 200 of 200 in flight, ",
		" of them guests from cell-07. Without guests it would have had ",
		"cell-07/a,b reset_before_response, the first of 10 failures",
		"cell-07/a,b breakers open until about +15.0",
		"cell-12 first guest admitted, reason circuit_open (R1, R3)",
		"cell-12 is at 200 of 200, ",
		"; first 429 (R5)",
		"this request; home refusal 149 of the 1,981 in this episode, +10.162s to +25.226s",
		"Key nordbank -> cell-12, dedicated",
		"1 cell-12 refuses: full: 200 of 200 in flight (R5)",
		"a b sound: healthy, breakers closed",
		"none left fallback of cell-12: none",
		"that push did not cause this: from this state the decision is the same under 0.1",
		"placements.cell-12.limit.guests: ", "or fewer (now no cap) -> served by cell-12 (1 guest fewer would have been let in; decision certain; its latency would be modelled)",
		"placements.cell-12.limit.in_flight: 201 or more (now 200) -> served by cell-12",
		"all identical; no gap; spec 1",
		"Not recorded method and path, query, headers, body",
	} {
		if !strings.Contains(flat(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	_, out, _ = lockstep("explain", path, "--request", list.Requests[148].ID, "--format", "markdown")
	for _, want := range []string{"### +", "**Why:** cell-12 was full", "```text\n", "| # | candidate | verdict |", "**Proof:**"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestTimesArePeoplesTimes(t *testing.T) {
	origin := time.Date(2026, 11, 18, 20, 0, 0, 0, time.UTC).UnixNano()
	end := time.Date(2026, 11, 19, 14, 30, 0, 0, time.UTC).UnixNano()
	for text, want := range map[string]string{
		"2026-11-19T14:07:31Z":      "2026-11-19T14:07:31Z",
		"2026-11-19T15:07:31+01:00": "2026-11-19T14:07:31Z",
		"2026-11-19 14:07":          "2026-11-19T14:07:00Z",
		"14:07":                     "2026-11-19T14:07:00Z",
		"14:07:31.5":                "2026-11-19T14:07:31.5Z",
		"23:50":                     "2026-11-18T23:50:00Z", // not to come
		"-10m":                      "2026-11-19T14:20:00Z",
	} {
		got, err := parseWhen(text, origin, end)
		if at := time.Unix(0, got).UTC().Format(time.RFC3339Nano); err != nil || at != want {
			t.Errorf("%s: %s, %v; want %s", text, at, err, want)
		}
	}
	for text, want := range map[string]int64{"3.2s": 32e8, "+3.2s": 32e8, "-1s": 39e9} {
		if got, err := parseWhen(text, 0, 40e9); err != nil || got != want {
			t.Errorf("%s of a simulated recording: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"noon", "14", "-x", "25:00"} {
		if _, err := parseWhen(text, origin, end); err == nil {
			t.Errorf("%q is taken for a time", text)
		}
	}
}

// A running router answers from its memory, without a folder.
func TestExplainAsksARunningRouter(t *testing.T) {
	listen, operators := freeAddress(t), freeAddress(t)
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := fmt.Sprintf("lockstep: 1\nlisten: {edge: {address: %q}}\nadmin: {address: %q}\nroutes: [{unknown_key: {to: a}}]\nplacements: {a: {endpoints: {x: {url: %q}}, health: none}}\n", listen, operators, okUpstream(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs safeBuffer
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runServe(ctx, serveOptions{config: file, dumps: t.TempDir()}, &out, &errs) }()
	p := &process{t: t, url: "http://" + listen, admin: "http://" + operators, dir: t.TempDir()}
	p.until("serving", func() bool { code, _ := p.get(p.admin + "/readyz"); return code == 200 })
	for _, id := range []string{"first", "second", "second"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Routing-Key", "visa")
		r.Header.Set("X-Request-Id", id)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	p.until("told", func() bool {
		code, said, _ := lockstep("explain", "--admin", p.admin, "--key", "visa")
		return code == exitOK && strings.Count(said, "a/x  unknown key, by default") == 3
	})
	code, said, wrong := lockstep("explain", "--admin", operators, "--request", "second")
	if code != exitOK || !strings.Contains(said, "2 requests carried this id") || !strings.Contains(said, "The key is unknown, so its home is a, which was sound") {
		t.Errorf("exit %d: %s\n%s", code, wrong, said)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestWhatAnswersInPlaceOfARouterIsSaid(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if code, _, errs := lockstep("explain", "--admin", s.URL, "--key", "k"); code != exitUsage || !strings.Contains(errs, "answers 404") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// Recordings of several routers are asked together: a client that tries again
// may come to another one.
func TestExplainAsksTheRecordingsOfSeveralRouters(t *testing.T) {
	path := cellLost(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.lst")
	if err := os.WriteFile(other, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var list struct{ Requests []explain.Entry }
	_, out, _ := lockstep("explain", path, "--key", "acme", "--limit", "1", "--json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Requests) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	code, out, errs := lockstep("explain", path, other, "--request", list.Requests[0].ID)
	if code != exitOK || !strings.HasPrefix(out, "2 requests carried this id, oldest first") || strings.Count(out, "Candidates") != 2 || !strings.Contains(out, "(2 of 2)") {
		t.Errorf("exit %d: %s\n%s", code, errs, out)
	}
	code, out, _ = lockstep("explain", path, other, "--key", "acme", "--limit", "4")
	if code != exitOK || !strings.Contains(out, "\n  4  ") || strings.Contains(out, "\n  5  ") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if code, out, errs = lockstep("explain", path, filepath.Join(t.TempDir(), "none"), "--key", "acme", "--limit", "1"); code != exitFailed || !strings.Contains(errs, "not read: ") || !strings.Contains(out, "acme") {
		t.Errorf("a folder that is not there is a part that is missing, and hides no other: exit %d: %s%s", code, out, errs)
	}
}

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	postmortem "lockstep/traces/incident"
)

// playIncident plays the demo's incident in four seconds and returns what it
// said and the folder of its recording.
func playIncident(t *testing.T) (said, record string) {
	t.Helper()
	plan, err := demoPlanFrom(0)
	if err != nil {
		t.Fatal(err)
	}
	plan.router, plan.control = 0, 0
	for i := range plan.cells {
		plan.cells[i].port = 0
	}
	record = filepath.Join(t.TempDir(), "rec")
	o := routerOptions{name: "demo", record: record, dumps: record, errs: io.Discard, log: slog.New(slog.DiscardHandler)}
	short := incidentPlan{
		breaks: 400 * time.Millisecond, pushes: 1300 * time.Millisecond, mends: 1900 * time.Millisecond, ends: 3600 * time.Millisecond,
		latency: 100 * time.Millisecond, open: 500 * time.Millisecond,
	}
	var out safeBuffer
	if err := runDemoIncident(t.Context(), plan, o, short, 200, &out); err != nil {
		t.Fatal(err)
	}
	return out.String(), record
}

// typed runs a command as a person types it.
func typed(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(args, &stdout, &stderr); code != exitOK {
		t.Fatalf("lockstep %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout.String(), stderr.String())
	}
	return stdout.String()
}

func draftJSON(t *testing.T, args ...string) (d postmortem.Draft) {
	t.Helper()
	if err := json.Unmarshal([]byte(typed(t, append([]string{"incident", "--json"}, args...)...)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestTheWalkThroughAnIncident plays the incident of the demo, holds the draft to
// what the clients saw and to an independent count of lines, and runs every
// command that INCIDENT.md shows.
func TestTheWalkThroughAnIncident(t *testing.T) {
	said, record := playIncident(t)
	for _, want := range []string{"visa breaks", "push of incident-2", "visa is mended", "incident " + record, "--step N"} {
		if !strings.Contains(said, want) {
			t.Errorf("the demo does not say %q:\n%s", want, said)
		}
	}
	d := draftJSON(t, record)
	t.Run("the draft says what was done", func(t *testing.T) { holdDraft(t, &d) })
	t.Run("it counts what lines count", func(t *testing.T) { holdCount(t, &d, record) })
	t.Run("it counts what clients saw", func(t *testing.T) {
		all := draftJSON(t, record, "--from", "-10m", "--to", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		got := map[string]uint64{}
		for _, s := range all.Impact.Statuses {
			got[strconv.Itoa(int(s.Status))] = s.Count
		}
		m := regexp.MustCompile(`(\d{3}): ([\d,]+)`).FindAllStringSubmatch(said[strings.Index(said, "requests sent"):], -1)
		if len(m) < 2 || len(m) != len(got) {
			t.Fatalf("clients saw %v, the draft %v", m, got)
		}
		for _, pair := range m {
			if n, _ := strconv.ParseUint(strings.ReplaceAll(pair[2], ",", ""), 10, 64); got[pair[1]] != n {
				t.Errorf("status %s: clients saw %s, the draft %d", pair[1], pair[2], got[pair[1]])
			}
		}
	})
	t.Run("every command of the page works", func(t *testing.T) { runPage(t, &d, record) })
}

// holdDraft holds a draft of the demo's incident to what was done.
func holdDraft(t *testing.T, d *postmortem.Draft) {
	if !strings.HasPrefix(d.Title, "visa/a failed (upstream_5xx)") || !d.Over || d.Quiet || !d.Found {
		t.Errorf("%s: over %v", d.Title, d.Over)
	}
	if !strings.Contains(d.Summary[2], "First in order of events: visa/a failed (upstream_5xx)") {
		t.Errorf("%v", d.Summary)
	}
	p := d.Pushes[len(d.Pushes)-1]
	if p.Version != "incident-2" || !p.Known || p.Previous != "incident-1" || p.Tried != p.Refused+p.Moved {
		t.Errorf("the push: %+v", p)
	}
	told := ""
	for _, l := range d.Timeline {
		told += l.Text + "\n"
	}
	for _, want := range []string{
		"visa/a: first failure, upstream_5xx", "breaker of visa/a opens after 5 failures in a row", "first guest of visa at tier3, because of circuit_open",
		"tier3 reaches its limit: 8 of 8 in flight", "first request refused at tier3: limit", `configuration "incident-2"`, "breaker of visa/a closes", "recovery",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("the time line does not say %q:\n%s", want, told)
		}
	}
	larger := slices.IndexFunc(d.Mitigations, func(m postmortem.Mitigation) bool { return strings.HasPrefix(m.What, "tier3 limit.in_flight: ") })
	if larger < 0 || d.Mitigations[larger].Before.Refused != d.Impact.Total.Refused || d.Mitigations[larger].After.Refused >= d.Mitigations[larger].Before.Refused {
		t.Errorf("a larger limit: %+v, refused %d", d.Mitigations, d.Impact.Total.Refused)
	}
}

// holdCount counts the lines of the printed view, without any of our readers.
func holdCount(t *testing.T, d *postmortem.Draft, record string) {
	segments, err := filepath.Glob(filepath.Join(record, "2*.lst"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments %v: %v", segments, err)
	}
	var origin time.Time
	requests, refused, failed := uint64(0), uint64(0), uint64(0)
	flying := map[[2]uint64]bool{}
	arrive, inside := false, false
	for line := range strings.Lines(typed(t, "convert", segments[0], "-o", "-")) {
		var l struct {
			Origin          time.Time
			Event, Decision string
			T               int64
			Slot, Gen       uint64
			Status          int
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			continue // a snapshot's line has other types
		}
		if !l.Origin.IsZero() {
			origin = l.Origin
		}
		if l.Event != "" {
			at := origin.UnixNano() + l.T
			arrive, inside = l.Event == "arrive", at >= d.FromNS && at < d.ToNS
		}
		h := [2]uint64{l.Slot, l.Gen}
		switch {
		case l.Event == "arrive" && inside:
			requests++
		case l.Event == "finish" && flying[h]:
			delete(flying, h)
			if l.Status >= 500 {
				failed++
			}
		case l.Decision == "forward" && arrive && inside:
			flying[h] = true
		case l.Decision == "reject" && arrive && inside:
			refused++
		}
	}
	total := &d.Impact.Total
	if requests == 0 || total.Requests != requests || total.Refused != refused || total.Failed != failed {
		t.Errorf("the draft has %d requests, %d refused, %d failed; lines count %d, %d, %d", total.Requests, total.Refused, total.Failed, requests, refused, failed)
	}
}

// runPage runs what INCIDENT.md shows, on this recording.
func runPage(t *testing.T, d *postmortem.Draft, record string) {
	page, err := os.ReadFile("INCIDENT.md")
	if err != nil {
		t.Fatal(err)
	}
	refused := slices.IndexFunc(d.Decisions, func(x postmortem.Decision) bool { return strings.Contains(x.What, "refused at tier3") })
	if refused < 0 {
		t.Fatalf("no decision about a refusal: %+v", d.Decisions)
	}
	out := t.TempDir()
	ran := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\$ bin/lockstep (.*)$`).FindAllStringSubmatch(string(page), -1) {
		args := strings.Fields(m[1])
		if args[0] == "demo" {
			continue // has been played
		}
		for i, a := range args {
			switch {
			case a == "rec" || strings.HasPrefix(a, "rec/"):
				args[i] = record + strings.TrimPrefix(a, "rec")
			case args[max(i-1, 0)] == "--step":
				args[i] = strconv.FormatUint(d.Decisions[refused].Step, 10)
			case args[max(i-1, 0)] == "-o":
				args[i] = filepath.Join(out, a)
			}
		}
		if !thereIs(t, args) {
			t.Logf("not run, this build does not have it: lockstep %s", m[1])
			continue
		}
		ran[args[0]] += typed(t, args...)
	}
	for name, want := range map[string]string{
		"incident": "# Incident: visa/a failed", "explain": "tier3 was full: 8 of 8 in flight", "replay": "identical", "diff": "tier3", "report": "",
	} {
		text, ok := ran[name]
		if !ok || !strings.Contains(text, want) {
			t.Errorf("%s: ran %v; its output lacks %q:\n%s", name, ok, want, text)
		}
	}
	for _, name := range []string{"incident.md", "incident.html"} {
		if text, err := os.ReadFile(filepath.Join(out, name)); err != nil || len(text) < 1000 {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
}

// thereIs reports whether this build has a command, and every flag that is used.
func thereIs(t *testing.T, args []string) bool {
	t.Helper()
	c, _, err := newRoot().Find(args[:1])
	if err != nil {
		return false
	}
	for _, a := range args {
		if name, ok := strings.CutPrefix(a, "--"); ok && c.Flags().Lookup(name) == nil {
			return false
		}
	}
	return true
}

func TestLoadIsSpreadOverTenantsEvenly(t *testing.T) {
	count := map[string]int{}
	order := demoTenants()
	for _, key := range order {
		count[key]++
	}
	if len(order) != 20 || count["visa"] != 8 || count["acme"] != 4 || count["globex"] != 4 || count["initech"] != 2 {
		t.Errorf("%v", order)
	}
	if at := slices.Index(order, "visa"); at < 0 || slices.Equal(order[:8], slices.Repeat([]string{"visa"}, 8)) {
		t.Errorf("visa's come all at once: %v", order)
	}
}

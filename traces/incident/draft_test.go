package incident

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/core"
	"lockstep/traces"
)

// draftOf drafts, and fails the test if that does not work.
func draftOf(t testing.TB, sources []Source, o Options) *Draft {
	t.Helper()
	d, err := New(sources, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// text is the page.
func text(t testing.TB, d *Draft) string {
	t.Helper()
	var out bytes.Buffer
	if err := d.Markdown(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// counted is what somebody counts who only reads lines: no replay, no package of ours.
type counted struct {
	requests, refused, failed int
	status                    map[int]int
	keys                      map[string]int
}

// countLines reads NDJSON. Only recordings without queues and retries can be
// counted so: there a request is one arrive, one forward or reject, one finish.
func countLines(t testing.TB, ndjson []byte, from, to int64) counted {
	t.Helper()
	c := counted{status: map[int]int{}, keys: map[string]int{}}
	type handle struct{ slot, gen int }
	flying := map[handle]bool{} // of the window
	inside, arrive := false, false
	for _, line := range bytes.Split(ndjson, []byte("\n")) {
		var l struct {
			Event, Decision, Key string
			T                    int64
			Slot, Gen, Status    int
		}
		if len(line) == 0 || json.Unmarshal(line, &l) != nil {
			continue
		}
		h := handle{l.Slot, l.Gen}
		switch {
		case l.Event != "":
			arrive, inside = l.Event == "arrive", l.T >= from && l.T < to
			if arrive && inside {
				c.requests++
				c.keys[l.Key]++
			}
			if l.Event == "finish" && flying[h] {
				delete(flying, h)
				c.status[l.Status]++
				if l.Status >= 500 {
					c.failed++
				}
			}
		case l.Decision == "forward" && arrive && inside:
			flying[h] = true
		case l.Decision == "reject" && arrive && inside:
			c.refused++
			c.status[l.Status]++
		}
	}
	return c
}

func TestEveryNumberIsThatOfAnIndependentCount(t *testing.T) {
	w := plainWorld()
	w.origin = 0
	sources, texts := w.run(t)
	for name, o := range map[string]Options{
		"found": {}, "given": {From: int64(6 * core.Second), To: int64(9 * core.Second)},
	} {
		d := draftOf(t, sources, o)
		c := countLines(t, texts[0], d.from, d.to)
		total := d.Impact.Total
		if c.failed == 0 || c.refused == 0 {
			t.Fatalf("%s: the world has no incident: %+v", name, c)
		}
		if got := (counted{int(total.Requests), int(total.Refused), int(total.Failed), nil, nil}); got.requests != c.requests || got.refused != c.refused || got.failed != c.failed {
			t.Errorf("%s: %+v, counted by lines %+v", name, got, c)
		}
		status := map[int]int{}
		for _, s := range d.Impact.Statuses {
			status[int(s.Status)] = int(s.Count)
		}
		if diff := cmp.Diff(c.status, status); diff != "" {
			t.Errorf("%s: statuses (-counted +draft):\n%s", name, diff)
		}
		for _, r := range d.Impact.Tenants {
			if int(r.Requests) != c.keys[r.Name] {
				t.Errorf("%s: %s has %d requests, counted %d", name, r.Name, r.Requests, c.keys[r.Name])
			}
		}
	}
}

// sums holds that the counts of impact add up to the requests of the window.
func sums(t interface{ Errorf(string, ...any) }, d *Draft) {
	check := func(r *Row) {
		if n := r.Home + r.Elsewhere + r.Failed + r.Refused + r.Client + r.Unknown; n != r.Requests {
			t.Errorf("%s: outcomes add up to %d of %d requests: %+v", r.Name, n, r.Requests, r)
		}
		classes := uint64(0)
		for _, n := range r.Classes {
			classes += n
		}
		if classes != r.Hurt() {
			t.Errorf("%s: classes add up to %d of %d failed and refused", r.Name, classes, r.Hurt())
		}
	}
	im := &d.Impact
	check(&im.Total)
	check(&im.Rest)
	n := im.Rest.Requests
	for _, r := range im.Tenants {
		check(r)
		n += r.Requests
	}
	if n != im.Total.Requests {
		t.Errorf("tenants have %d requests, the window %d", n, im.Total.Requests)
	}
	for _, p := range im.Placements {
		check(&p.Row)
	}
	status := uint64(0)
	for _, s := range im.Statuses {
		status += s.Count
	}
	if status+im.Total.Unknown != im.Total.Requests {
		t.Errorf("%d statuses and %d not known of %d requests", status, im.Total.Unknown, im.Total.Requests)
	}
}

func TestImpactAddsUpToTheRequestsOfTheWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := plainWorld()
		w.length = 8 * core.Second
		w.routers = rapid.IntRange(1, 2).Draw(t, "routers")
		w.latency = core.Duration(rapid.Int64Range(1, 400).Draw(t, "latency ms")) * core.Millisecond
		from := rapid.Int64Range(0, 8000).Draw(t, "breaks")
		w.broken = [2]core.Time{core.Time(from) * core.Time(core.Millisecond), core.Time(from+rapid.Int64Range(0, 4000).Draw(t, "for")) * core.Time(core.Millisecond)}
		w.limit = core.LimitSpec{InFlight: rapid.Int32Range(1, 20).Draw(t, "limit")}
		w.retryAt = rapid.Bool().Draw(t, "retry")
		sources, _ := w.run(t)
		o := Options{Top: rapid.IntRange(1, 5).Draw(t, "top")}
		if rapid.Bool().Draw(t, "given") {
			o.From = w.origin + rapid.Int64Range(0, int64(8*core.Second)).Draw(t, "from")
			o.To = o.From + 1 + rapid.Int64Range(0, int64(8*core.Second)).Draw(t, "to")
		}
		for i := range sources {
			sources[i].Read = nil // mitigations are another test's
		}
		d, err := New(sources, o)
		if err != nil {
			t.Fatal(err)
		}
		sums(t, d)
	})
}

func TestAWindowWithoutSignsSaysNothingOutOfTheOrdinary(t *testing.T) {
	w := plainWorld()
	w.pushes = []push{{at: core.Time(2 * core.Second), limit: w.limit}}
	sources, _ := w.run(t)
	d := draftOf(t, sources, Options{From: w.origin + int64(core.Second), To: w.origin + int64(4*core.Second)})
	if !d.Quiet || !strings.HasPrefix(d.Summary[0], "Nothing out of the ordinary") {
		t.Errorf("quiet %v: %v", d.Quiet, d.Summary)
	}
	if page := text(t, d); strings.Contains(page, "Decisions that mattered") || !strings.Contains(page, `configuration "v2"`) {
		t.Errorf("the page of a quiet window:\n%s", page)
	}
	w.broken = [2]core.Time{}
	w.limit = core.LimitSpec{}
	sources, _ = w.run(t)
	if d := draftOf(t, sources, Options{}); !d.Quiet || !d.Found {
		t.Errorf("a recording without trouble: %v", d.Summary)
	}
}

func TestWhatGoesOnToTheEndOfTheRecordingIsNotCalledOver(t *testing.T) {
	w := plainWorld()
	w.pushes = []push{{at: core.Time(8 * core.Second), limit: core.LimitSpec{InFlight: 1}}}
	sources, _ := w.run(t)
	if d := draftOf(t, sources, Options{}); d.Over || !strings.Contains(d.Summary[0], "Whether it was over is not known") || strings.Contains(text(t, d), "recovery:") {
		t.Errorf("over %v: %s", d.Over, d.Summary[0])
	}
}

func TestTheOrderOfTheFilesChangesNothing(t *testing.T) {
	w := plainWorld()
	w.routers, w.retryAt, w.skew = 3, true, []int64{0, int64(3 * core.Second), -int64(2 * core.Second)}
	w.pushes = []push{{at: core.Time(8 * core.Second), limit: core.LimitSpec{InFlight: 3}}}
	sources, _ := w.run(t)
	want := text(t, draftOf(t, sources, Options{}))
	for _, order := range [][]int{{2, 1, 0}, {1, 2, 0}, {1, 0, 2}} {
		var other []Source
		for _, i := range order {
			other = append(other, sources[i])
		}
		if diff := cmp.Diff(want, text(t, draftOf(t, other, Options{}))); diff != "" {
			t.Errorf("order %v:\n%s", order, diff)
		}
	}
}

func TestTimesOfImpactLieInTheWindowWhateverTheClocks(t *testing.T) {
	w := plainWorld()
	w.routers, w.retryAt, w.skew = 2, true, []int64{0, int64(7 * core.Second)}
	sources, _ := w.run(t)
	d := draftOf(t, sources, Options{})
	if total := &d.Impact.Total; !d.Clocks[0].Applied || total.first < d.from || total.last >= d.to {
		t.Errorf("first %d and last %d hurt, the window is %d to %d; %s", total.first, total.last, d.from, d.to, d.Clocks[0].Text)
	}
}

func TestWhatCameFirstIsFirst(t *testing.T) {
	rows := []struct {
		name  string
		world func(w *world)
		title string
		first string // in the third sentence
	}{
		{"an endpoint that fails", func(*world) {}, "visa/a failed (upstream_5xx)", "visa/a failed (upstream_5xx), at "},
		{"a limit that is too small", func(w *world) { w.broken, w.limit.InFlight = [2]core.Time{}, 1 }, "shared was full and refused requests (limit)", "shared was full"},
		{"a push that takes room away", func(w *world) {
			w.broken, w.limit.InFlight = [2]core.Time{}, 20
			w.pushes = []push{{at: core.Time(6 * core.Second), limit: core.LimitSpec{InFlight: 1}}}
		}, "shared was full and refused requests (limit)", `before that, configuration "v2"`},
		{"clients that leave", func(w *world) { w.leave = true }, "clients of visa left before they had their answers", "clients of visa left"},
		{"a router that drains", func(w *world) {
			w.broken, w.limit, w.drain = [2]core.Time{}, core.LimitSpec{}, core.Time(18*core.Second)
		}, "a router drained", "a router drained"},
	}
	for _, row := range rows {
		w := plainWorld()
		row.world(&w)
		sources, _ := w.run(t)
		d := draftOf(t, sources, Options{})
		if !strings.HasPrefix(d.Title, row.title) || len(d.Summary) != 3 || !strings.Contains(d.Summary[2], row.first) {
			t.Errorf("%s: %s\n%s", row.name, d.Title, strings.Join(d.Summary, "\n"))
		}
		if !strings.HasSuffix(d.Summary[2], "which is not proof of cause.") {
			t.Errorf("%s: the third sentence claims a cause: %s", row.name, d.Summary[2])
		}
	}
}

func TestAPushThatTookRoomAwayMattered(t *testing.T) {
	w := plainWorld()
	w.broken, w.limit.InFlight = [2]core.Time{}, 20
	w.pushes = []push{{at: core.Time(6 * core.Second), limit: core.LimitSpec{InFlight: 1}}}
	sources, _ := w.run(t)
	d := draftOf(t, sources, Options{})
	if len(d.Pushes) != 2 && len(d.Pushes) != 1 {
		t.Fatalf("%d pushes", len(d.Pushes))
	}
	p := d.Pushes[len(d.Pushes)-1]
	if p.Refused == 0 || p.Tried != p.Refused+p.Moved || p.Served != p.Refused || !strings.Contains(p.Text, "did change decisions") {
		t.Errorf("%+v\n%s", p, p.Text)
	}
}

func TestAPushThatChangesOnlyItsNameDidNotMatter(t *testing.T) {
	w := plainWorld()
	w.pushes = []push{{at: core.Time(6 * core.Second), limit: w.limit}}
	sources, _ := w.run(t)
	d := draftOf(t, sources, Options{})
	p := d.Pushes[len(d.Pushes)-1]
	if p.Version != "v2" || p.Refused == 0 || p.Moved == 0 || p.Changed != 0 || !strings.Contains(p.Text, "did not change these decisions") {
		t.Errorf("%+v\n%s", p, p.Text)
	}
}

func TestMitigationsAreTriedAndAnEnoughLimitRefusesNobody(t *testing.T) {
	w := plainWorld()
	sources, _ := w.run(t)
	d := draftOf(t, sources, Options{})
	i := slices.IndexFunc(d.Mitigations, func(m Mitigation) bool { return strings.HasPrefix(m.What, "shared limit.in_flight: ") })
	if i < 0 {
		t.Fatalf("no larger limit was tried: %+v", d.Mitigations)
	}
	m := d.Mitigations[i]
	if m.Before.Refused != d.Impact.Total.Refused || m.Before.Failed != d.Impact.Total.Failed {
		t.Errorf("the what-if starts from %+v, the window has %+v", m.Before, d.Impact.Total)
	}
	if m.Before.Refused == 0 || m.After.Refused != 0 || m.Shares.Total() == 0 {
		t.Errorf("%+v", m)
	}
}

// withoutBlocks leaves blocks out of a recording, by their number and time.
func withoutBlocks(ndjson []byte, drop func(number int, at int64) bool) (kept []byte, blocks int) {
	left, out := 0, false
	for line := range bytes.Lines(ndjson) {
		var head struct {
			Block int
			T     int64
		}
		if bytes.HasPrefix(line, []byte(`{"block":`)) && json.Unmarshal(line, &head) == nil {
			blocks++
			if out = drop(head.Block, head.T); !out { // blocks are numbered through
				left++
				line = bytes.Replace(line, fmt.Appendf(nil, `{"block":%d`, head.Block), fmt.Appendf(nil, `{"block":%d`, left), 1)
			}
		}
		if !out || bytes.HasPrefix(line, []byte(`{"config":`)) {
			kept = append(kept, line...)
		}
	}
	return kept, blocks
}

func TestAPushLongBeforeTheWindowIsHeldAgainstItAllTheSame(t *testing.T) {
	w := plainWorld()
	w.gap, w.latency, w.limit.InFlight, w.broken = 4*core.Millisecond, 50*core.Millisecond, 40, [2]core.Time{core.Time(85 * core.Second), core.Time(88 * core.Second)}
	w.length = 90 * core.Second
	w.pushes = []push{{at: core.Time(3 * core.Second), limit: core.LimitSpec{InFlight: 6}}}
	_, texts := w.run(t)
	s := sourceOf("r1", texts[0])
	s.Read = nil
	s.Run = func(o traces.Options, from int64) (traces.Report, error) {
		begin := 0 // the last block before from, as an index would find it
		withoutBlocks(texts[0], func(n int, at int64) bool {
			if w.origin+at <= from {
				begin = n
			}
			return false
		})
		part, _ := withoutBlocks(texts[0], func(n int, _ int64) bool { return n < begin })
		return sourceOf("r1", part).Run(o, 0)
	}
	window := Options{From: w.origin + int64(84*core.Second), To: w.origin + int64(89*core.Second)}
	d := draftOf(t, []Source{s}, window)
	if len(d.Pushes) != 0 || !strings.Contains(text(t, d), "adopted before what was read") {
		t.Errorf("without looking back: %+v", d.Pushes)
	}
	s.LastAdopt = func(int64) (int64, error) { return w.origin + int64(3*core.Second), nil }
	d = draftOf(t, []Source{s}, window)
	if len(d.Pushes) != 1 || !d.Pushes[0].Known || d.Pushes[0].Served == 0 || d.Pushes[0].Version != "v2" || d.Pushes[0].Previous != "v1" {
		t.Errorf("looking back: %+v", d.Pushes)
	}
}

func TestMissingStepsAreSaidLoudly(t *testing.T) {
	w := plainWorld()
	w.gap, w.latency, w.limit.InFlight = 2*core.Millisecond, 50*core.Millisecond, 20
	_, texts := w.run(t)
	kept, blocks := withoutBlocks(texts[0], func(n int, _ int64) bool { return n == 2 })
	if blocks < 3 {
		t.Fatalf("the recording has %d blocks", blocks)
	}
	d := draftOf(t, []Source{sourceOf("r1", kept)}, Options{From: w.origin, To: w.origin + int64(20*core.Second)})
	page := text(t, d)
	if d.Impact.Total.Unknown == 0 || !strings.Contains(page, "GAP: steps ") || !strings.Contains(page, "are in no file") {
		t.Errorf("%d requests of unknown end:\n%s", d.Impact.Total.Unknown, page)
	}
	sums(t, d)
}

func TestWhatCannotBeReadIsNotCalledQuiet(t *testing.T) {
	w := plainWorld()
	w.broken, w.limit = [2]core.Time{}, core.LimitSpec{}
	_, texts := w.run(t)
	at := bytes.LastIndex(texts[0], []byte(`{"step":`))
	d := draftOf(t, []Source{sourceOf("r1", append(slices.Clone(texts[0][:at]), "rubbish\n"...))}, Options{})
	if !d.Quiet || !strings.Contains(d.Summary[0], "could be read") || !strings.Contains(text(t, d), "DAMAGE") {
		t.Errorf("%v", d.Summary)
	}
}

func TestEveryGoldenVectorMakesADraft(t *testing.T) {
	n := 0
	err := fs.WalkDir(traces.Vectors(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".ndjson") {
			return err
		}
		data, err := fs.ReadFile(traces.Vectors(), path)
		if err != nil {
			return err
		}
		n++
		d, err := New([]Source{sourceOf(path, data)}, Options{})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		sums(prefixed{t, path}, d)
		if text(t, d) == "" {
			t.Errorf("%s: an empty page", path)
		}
		return nil
	})
	if err != nil || n < 100 {
		t.Errorf("%d vectors: %v", n, err)
	}
}

// prefixed names a file before what is wrong.
type prefixed struct {
	t    *testing.T
	path string
}

func (p prefixed) Errorf(format string, args ...any) { p.t.Errorf(p.path+": "+format, args...) }

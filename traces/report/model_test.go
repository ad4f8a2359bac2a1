package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/core"
	"lockstep/traces"
)

// goldens are the golden vectors of this repository.
func goldens(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("../*/*.ndjson")
	if err != nil || len(files) < 100 {
		t.Fatalf("found %d vectors: %v", len(files), err)
	}
	return files
}

// watched replays a trace into a router of a page and compares after every step
// what the model says is in force with what core says.
func watched(t *testing.T, name string, trace []byte, check func(r *Router, state *core.Router) string) *Router {
	t.Helper()
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	r := New(Options{}).Router(name, nil)
	r.Begin(rd.Header())
	o := r.Hooks()
	after, faults := o.After, 0
	o.After = func(f *traces.Fact, state *core.Router, decided []core.Decision) {
		after(f, state, decided)
		if text := check(r, state); text != "" && faults < 3 {
			faults++
			t.Errorf("%s: after step %d, a %s: %s", name, f.Step, f.Event.Kind, text)
		}
	}
	v := traces.NewVerifier(o)
	if err := v.Run(rd); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	r.Close(v.Report())
	return r
}

// differs says where the model's moment is not core's.
func differs(r *Router, state *core.Router) string {
	for n := range int32(state.Placements()) {
		v := state.Placement(n)
		if v.Name == "" {
			continue
		}
		l := r.places[r.byName[v.Name]].track.now
		want := level{uint32(v.InFlight), uint32(v.Guests), uint32(v.Queued), uint32(v.Limit), l.cap}
		if l != want {
			return v.Name + " differs from core"
		}
	}
	for n := range int32(state.Endpoints()) {
		v := state.Endpoint(n)
		if state.Identity(n) == 0 {
			continue
		}
		e := &r.endpoints[r.byID[state.Identity(n)]]
		if e.track.now.total != uint32(v.InFlight) {
			return v.Name + ": in flight differs from core"
		}
		if got := e.last(); got&3 != uint8(v.Breaker) || (got&stateUnhealthy != 0) != v.Unhealthy {
			return v.Name + ": its state differs from core"
		}
	}
	return ""
}

func TestTimeLinesAreCoresAfterEveryStepOfEveryGoldenVector(t *testing.T) {
	for _, path := range goldens(t) {
		trace, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		watched(t, filepath.Base(path), trace, differs)
	}
}

func TestTimeLinesAreCoresUnderLoad(t *testing.T) {
	r := watched(t, "load", recorded(t, 20_000), differs)
	full, guests := false, uint32(0)
	for i := range r.places {
		for _, l := range r.places[i].track.bins {
			full = full || l.limit > 0 && l.total >= l.limit
			if l.total != absent {
				guests = max(guests, l.guests)
			}
		}
	}
	if !full || guests == 0 {
		t.Errorf("the load shows nothing: full %v, guests %d", full, guests)
	}
}

func TestBinsKeepTheHighestMoment(t *testing.T) {
	most := map[string]int{}
	r := watched(t, "load", recorded(t, 20_000), func(_ *Router, state *core.Router) string {
		for n := range int32(state.Placements()) {
			if v := state.Placement(n); v.Name != "" {
				most[v.Name] = max(most[v.Name], v.InFlight)
			}
		}
		return ""
	})
	for i := range r.places {
		p, got := &r.places[i], uint32(0)
		for _, l := range p.track.bins {
			if l.total != absent {
				got = max(got, l.total)
			}
		}
		if int(got) != most[p.name] || got == 0 {
			t.Errorf("%s: the highest bin is %d, core's highest moment %d", p.name, got, most[p.name])
		}
	}
}

func TestEveryRequestIsCountedOnce(t *testing.T) {
	for _, path := range goldens(t) {
		trace, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sums(t, watched(t, filepath.Base(path), trace, func(*Router, *core.Router) string { return "" }))
	}
	_, r := page(t, recorded(t, 20_000), Options{})
	sums(t, r)
}

// sums compares what is counted in four ways.
func sums(t *testing.T, r *Router) {
	t.Helper()
	var rates, kept, classes, byKind uint64
	for _, b := range r.rates.bins {
		for _, n := range b {
			rates += uint64(n)
		}
	}
	for i := range r.rows.list {
		if r.rows.list[i].class == classPending {
			t.Errorf("%s: step %d has no end", r.name, r.rows.list[i].step)
		}
		kept++
	}
	for _, n := range r.totals.kinds {
		byKind += n
	}
	for _, n := range r.totals.classes {
		classes += n
	}
	classes += r.totals.kinds[kindHome] + r.totals.kinds[kindElsewhere]
	requests := r.totals.requests
	if rates != requests || kept != requests || byKind != requests || classes != requests {
		t.Errorf("%s: %d requests, but %d in rates, %d rows, %d by kind, %d by class", r.name, requests, rates, kept, byKind, classes)
	}
	if arrived := r.replay.Requests; requests > arrived {
		t.Errorf("%s: %d requests of %d that arrived", r.name, requests, arrived)
	}
}

func TestAPageThatIsFullKeepsAllFailuresAndASampleAndSaysSo(t *testing.T) {
	recording := recorded(t, 20_000)
	_, whole := page(t, recording, Options{})
	_, r := page(t, recording, Options{Requests: 12_000})
	bad := func(r *Router) (n uint64) {
		for i := range r.rows.list {
			if k := r.rows.list[i].kind(); k == kindRefused || k == kindFailed {
				n++
			}
		}
		return n
	}
	switch {
	case len(r.rows.list) > 12_000 || r.rows.halved == 0:
		t.Errorf("kept %d rows, halved %d times", len(r.rows.list), r.rows.halved)
	case bad(r) != bad(whole) || bad(r) == 0:
		t.Errorf("kept %d failures of %d", bad(r), bad(whole))
	case r.totals.requests != whole.totals.requests || r.totals.kinds != whole.totals.kinds:
		t.Errorf("the counts are %v, want %v", r.totals.kinds, whole.totals.kinds)
	case !strings.Contains(strings.Join(r.warnings(), "\n"), fmt.Sprintf("All failures and one in %d of the others are listed", 1<<r.rows.halved)):
		t.Errorf("it does not say so: %q", r.warnings())
	}
	for i := range r.rows.list { // keys, rooms and legs moved with their rows
		w := &r.rows.list[i]
		if w.class == core.LimitReached && r.rows.rooms[w.room].limit == 0 {
			t.Fatalf("step %d lost its room", w.step)
		}
	}
	_, tiny := page(t, recording, Options{Requests: 1_000})
	if len(tiny.rows.list) > 1_000 || tiny.rows.failedHalved == 0 || !strings.Contains(strings.Join(tiny.warnings(), "\n"), "Of the failures one in") {
		t.Errorf("a small page keeps %d rows and says %q", len(tiny.rows.list), tiny.warnings())
	}
}

func TestASampleUsesTheRoomThatThePageHas(t *testing.T) {
	recording := recorded(t, 20_000)
	_, whole := page(t, recording, Options{})
	served := 0
	for i := range whole.rows.list {
		if !whole.rows.list[i].failed() {
			served++
		}
	}
	failed := len(whole.rows.list) - served
	for _, most := range []int{2*failed + 500, 2*failed + 2_000, 2*failed + 5_000} {
		_, r := page(t, recording, Options{Requests: most})
		if n := len(r.rows.list); n > most || n < failed+min(served, most-failed)/4 {
			t.Errorf("of %d served and %d failed a page for %d keeps %d", served, failed, most, n)
		}
	}
}

func TestACutShowsWhatCameInItAndNothingElse(t *testing.T) {
	recording := recorded(t, 20_000)
	const origin, second = 1_795_000_000_000_000_000, 1_000_000_000
	_, r := page(t, recording, Options{From: origin + 2*second, To: origin + 3*second})
	if r.totals.requests != 2_000 {
		t.Errorf("the cut of one second holds %d requests, want 2000", r.totals.requests)
	}
	sums(t, r)
	if from, to := r.since(r.start), r.since(r.end); from != 0 || to > 1e6 || to < 0.99e6 {
		t.Errorf("it reaches from %v to %v µs", from, to)
	}
	for i := range r.places {
		if r.places[i].track.bins[0].total == absent {
			t.Errorf("%s is not known at the start of the cut", r.places[i].name)
		}
	}
}

func TestWhatIsMissingIsSaidAndLeavesNoEnd(t *testing.T) {
	recording := recorded(t, 20_000)
	var cut bytes.Buffer
	gone := withoutBlock(t, recording, 3, &cut)
	_, r := page(t, cut.Bytes(), Options{})
	if len(r.gaps) != 1 || r.gaps[0].Steps != gone {
		t.Fatalf("gaps %+v, want one of %d steps", r.gaps, gone)
	}
	if r.totals.classes[classLost] == 0 {
		t.Error("nothing was in flight when the gap began")
	}
	if text := strings.Join(r.warnings(), "\n"); !strings.Contains(text, "EVENTS ARE MISSING") {
		t.Errorf("it says %q", text)
	}
	for i := range r.places {
		unknown := false
		for _, l := range r.places[i].track.bins[1:] {
			unknown = unknown || l.total == absent
		}
		if !unknown {
			t.Errorf("%s has a time line through the gap", r.places[i].name)
		}
	}
	sums(t, r)
}

// withoutBlock copies a recording but for one block, and returns how many steps that had.
func withoutBlock(t *testing.T, recording []byte, number int, to *bytes.Buffer) (steps uint64) {
	t.Helper()
	rd, err := traces.NewReader(bytes.NewReader(recording))
	if err != nil {
		t.Fatal(err)
	}
	var starts []int64
	var first []uint64
	for {
		it, err := rd.Next()
		if err != nil {
			break
		}
		if it.Kind == traces.ItemBlock {
			starts, first = append(starts, it.Block.Offset), append(first, it.Block.Step)
		}
	}
	if len(starts) < number+2 {
		t.Fatalf("the recording has %d blocks", len(starts))
	}
	to.Write(recording[:starts[number-1]])
	to.Write(recording[starts[number]:])
	return first[number] - first[number-1]
}

package incident

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"lockstep/core"
)

// until is a recording as a router leaves it that is killed at a time.
func until(t testing.TB, ndjson []byte, at core.Time) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, line := range bytes.SplitAfter(ndjson, []byte("\n")) {
		_, rest, is := bytes.Cut(line, []byte(`"t":`))
		if is && bytes.HasPrefix(line, []byte(`{"step"`)) {
			end := bytes.IndexByte(rest, ',')
			if n := len(rest[:end]); n > len("8000000000") || n == len("8000000000") && string(rest[:end]) >= "8000000000" {
				return out.Bytes()
			}
		}
		out.Write(line)
	}
	t.Fatalf("the recording ends before %d", at)
	return nil
}

// killed is a fleet of two, one of which was killed while its breaker was open.
func killed(t *testing.T) ([]Source, [][]byte) {
	w := plainWorld()
	w.routers = 2
	sources, texts := w.run(t)
	texts[0] = until(t, texts[0], core.Time(8*core.Second))
	sources[0] = sourceOf("r1", texts[0])
	return sources, texts
}

func TestWhatAKilledRouterLeavesOpenDoesNotKeepAnIncidentFromBeingOver(t *testing.T) {
	sources, _ := killed(t)
	d := draftOf(t, sources, Options{})
	if !d.Over || !strings.Contains(d.Summary[0], "no further sign") {
		t.Errorf("over: %v: %s", d.Over, d.Summary)
	}
	if page := text(t, d); !strings.Contains(page, "breaker of visa/a closes") || !strings.Contains(page, "r1: its recording ends at") {
		t.Errorf("the other router's breaker closes, and the first one's recording ends:\n%s", page)
	}
	alone := draftOf(t, sources[:1], Options{})
	if alone.Over {
		t.Error("of that router alone it is not known to be over, but said to be")
	}
}

func TestARecordingThatEndsWithAnOpenBreakerIsToldInTheTimeLine(t *testing.T) {
	w := plainWorld()
	w.routers = 2
	_, texts := w.run(t)
	calm := plainWorld()
	calm.broken = [2]core.Time{}
	others, _ := calm.run(t)
	others[0].Name = "r2"
	sources := []Source{sourceOf("r1", until(t, texts[0], core.Time(8*core.Second))), others[0]}
	d := draftOf(t, sources, Options{})
	if page := text(t, d); !strings.Contains(page, "the recording of r1 ends, with the breaker of visa/a open") || strings.Contains(page, "breaker of visa/a closes") {
		t.Errorf("nobody saw the breaker close:\n%s", page)
	}
}

func TestABreakerThatWasOpenBeforeIsNotCountedAsOpened(t *testing.T) {
	w := plainWorld()
	w.late = core.Time(6 * core.Second) // it opened soon after 5 s
	sources, texts := w.run(t)
	d := draftOf(t, sources, Options{})
	opened := bytes.Count(texts[0], []byte(`"decision":"opened"`))
	if want := fmt.Sprintf("having opened %d times", opened); opened < 2 || !strings.Contains(text(t, d), want) {
		t.Errorf("not %q in\n%s", want, text(t, d))
	}
}

func TestRecordingsWithoutAStepAreNoIncident(t *testing.T) {
	w := plainWorld()
	_, texts := w.run(t)
	header, _, _ := bytes.Cut(texts[0], []byte("\n"))
	if d, err := New([]Source{sourceOf("r1", append(header, '\n'))}, Options{}); err == nil || !strings.Contains(err.Error(), "no step") {
		t.Errorf("%v, %+v", err, d)
	}
}

func TestWhatFailedAllAlongIsNotTheFirstCauseOfAWindowThatWasFound(t *testing.T) {
	usual := &group{Span: Span{Kind: Failing, Subject: "cell-15/a"}, first: 10, last: 120}
	open := &group{Span: Span{Kind: BreakerOpen, Subject: "cell-00/a"}, first: 105, last: 110}
	before := &group{Span: Span{Kind: Unhealthy, Subject: "cell-01/a"}, first: 20, last: 130}
	full := &group{Span: Span{Kind: Full, Subject: "cell-00"}, first: 101, last: 110}
	refusing := &group{Span: Span{Kind: Refusing, Subject: "cell-00"}, first: 102, last: 110}
	for name, c := range map[string]struct {
		found  bool
		groups []*group
		want   *group
	}{
		"in the window first":        {true, []*group{usual, open}, open},
		"a state from before":        {true, []*group{usual, before, open}, before},
		"full, by chance before":     {true, []*group{full, open}, open},
		"full, and so it refuses":    {true, []*group{full, refusing, open}, full},
		"nothing else":               {true, []*group{usual}, usual},
		"a window that is given":     {false, []*group{usual, open}, usual},
		"nothing at all in a window": {true, nil, nil},
	} {
		a := author{draft: &Draft{Found: c.found, from: 100, to: 200}, groups: c.groups}
		if got := a.firstCause(); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

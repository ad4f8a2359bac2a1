package recordings_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/adapters/pseudonym"
	"lockstep/adapters/recordings"
	"lockstep/core"
	"lockstep/traces"
)

func pseudonyms(t testing.TB) *pseudonym.Names {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	write(t, path, []byte("a secret of more than 16 bytes\n"))
	p, err := pseudonym.Read(path, pseudonym.ShortestFile)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// told is one step as a stranger sees it.
type told struct {
	Step      uint64
	Time      core.Time
	Kind      core.EventKind
	Key       string
	ID        [2]uint64
	Decisions []core.Decision
}

// tell reads all facts of a recording.
func tell(t interface{ Fatal(...any) }, r *recordings.Recording, name func(string) string) (out []told) {
	s := r.From(recordings.Block{})
	defer s.Close()
	for {
		rd, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if rd == nil {
			return out
		}
		for {
			it, err := rd.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if f := it.Fact; it.Kind == traces.ItemFact {
				out = append(out, told{f.Step, f.Time, f.Event.Kind, name(f.Request.Key), f.Request.ID, append([]core.Decision(nil), f.Decisions...)})
			}
		}
	}
}

func TestARedactedRecordingReplaysAndTellsTheSame(t *testing.T) {
	names := pseudonyms(t)
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		m := newMaker(t, dir, rapid.Uint64Range(1, 1000).Draw(rt, "seed"))
		m.perPart, m.perFile = rapid.IntRange(5, 60).Draw(rt, "facts of a block"), rapid.IntRange(1, 6).Draw(rt, "blocks of a segment")
		m.life(rapid.IntRange(40, 300).Draw(rt, "requests"))
		if rapid.Bool().Draw(rt, "begins in the middle") && m.number > 1 {
			if err := os.Remove(m.path(1)); err != nil {
				rt.Fatal(err)
			}
		}
		out := filepath.Join(dir, "out")
		if err := os.Mkdir(out, 0o700); err != nil {
			rt.Fatal(err)
		}
		before := open(t, dir)[0]
		done, err := (&recordings.Redaction{Names: names}).Redact(before, out)
		if err != nil || done.Skipped > 0 || len(done.Damage) > 0 {
			rt.Fatal(err, done)
		}
		after := open(t, out)
		v, err := recordings.Verify(after, 1)
		if err != nil || !v.OK() {
			rt.Fatal(err, v.Divergence, v.Damage)
		}
		if diff := cmp.Diff(tell(rt, before, names.Of), tell(rt, after[0], func(s string) string { return s })); diff != "" {
			rt.Fatalf("-recorded +redacted:\n%s", diff)
		}
		for _, s := range after[0].Segments {
			b, err := os.ReadFile(s.Path)
			if err != nil {
				rt.Fatal(err)
			}
			for k := range 50 {
				for _, text := range []string{fmt.Sprintf("%q", fmt.Sprintf("k%d", k)), fmt.Sprintf("\x03k%02d", k)} {
					if bytes.Contains(b, []byte(text)) {
						rt.Fatalf("%s holds %q", s.Path, text)
					}
				}
			}
		}
	})
}

func TestAPseudonymIsTheSameUnderOneSecretAndOtherUnderAnother(t *testing.T) {
	a, b := pseudonyms(t), pseudonyms(t)
	if a.Of("visa") != b.Of("visa") || len(a.Of("visa")) != 24 || a.Of("") != "" || a.Of("visa") == a.Of("visb") {
		t.Error(a.Of("visa"), b.Of("visa"), a.Of(""), a.Of("visb"))
	}
	path := filepath.Join(t.TempDir(), "other")
	write(t, path, []byte("another secret of 16 bytes or more"))
	c, err := pseudonym.Read(path, pseudonym.ShortestFile)
	if err != nil || c.Of("visa") == a.Of("visa") {
		t.Error(err, c)
	}
	write(t, path, []byte("short\n"))
	if _, err := pseudonym.Read(path, pseudonym.ShortestFile); err == nil || !strings.Contains(err.Error(), "16") {
		t.Error(err)
	}
}

// hashed records under a configuration that chooses by a hash of the key.
func hashed(t *testing.T, dir string) {
	s := core.Spec{Version: "h", Default: "a", Placements: []core.PlacementSpec{{Name: "a", Select: core.Rendezvous}}}
	for i := range 4 {
		s.Placements[0].Endpoints = append(s.Placements[0].Endpoints, core.EndpointSpec{URL: fmt.Sprintf("http://a:%d", i)})
	}
	for k := range 40 {
		s.Keys = append(s.Keys, core.KeySpec{Key: fmt.Sprintf("k%d", k), Placement: "a"})
	}
	c, err := core.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker(t, dir, 9)
	m.adopt(c)
	m.traffic(400)
	m.close()
}

func TestWhatHashesTheKeyIsRefusedOrDecidedAnew(t *testing.T) {
	dir, out, anew := t.TempDir(), t.TempDir(), t.TempDir()
	hashed(t, dir)
	r := open(t, dir)[0]
	if _, err := (&recordings.Redaction{Names: pseudonyms(t)}).Redact(r, out); err == nil || !strings.Contains(err.Error(), "placement a by rendezvous") {
		t.Errorf("got %v", err)
	}
	done, err := (&recordings.Redaction{Names: pseudonyms(t), Anew: true}).Redact(r, anew)
	if err != nil || done.Other == 0 {
		t.Fatal(err, done)
	}
	after := open(t, anew)
	v, err := recordings.Verify(after, 1)
	if err != nil || !v.OK() {
		t.Fatal(err, v.Divergence, v.Damage)
	}
	if flags := strings.Join(after[0].Header.Flags, " "); flags != "redacted "+pseudonyms(t).Flag()+" decided-anew" {
		t.Errorf("flags %q", flags)
	}
}

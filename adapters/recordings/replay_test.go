package recordings_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lockstep/adapters/recordings"
	"lockstep/traces"
)

// sequential replays the segments one after the other with one Verifier.
func sequential(t interface{ Fatal(...any) }, all []*recordings.Recording) (traces.Report, string) {
	var sum traces.Report
	for _, r := range all {
		for _, f := range r.Faults {
			sum.Damage = append(sum.Damage, f)
		}
	}
	for _, r := range all {
		v := traces.NewVerifier(traces.Options{})
		for _, s := range r.Segments {
			f, err := os.Open(s.Path)
			if err != nil {
				t.Fatal(err)
			}
			rd, err := traces.NewReader(f)
			if err == nil {
				before := len(v.Report().Damage)
				err = v.Run(rd)
				for i, d := range v.Report().Damage[before:] {
					v.Report().Damage[before+i] = fmt.Errorf("%s: %w", s.Path, d)
				}
			}
			f.Close()
			if err != nil {
				t.Fatal(err)
			}
			if v.Report().Divergence != nil {
				report := v.Report()
				sum.Add(&report)
				return sum, s.Path
			}
		}
		report := v.Report()
		sum.Add(&report)
	}
	return sum, ""
}

// texts makes reports comparable.
func texts(r *traces.Report) (out []string) {
	for _, d := range r.Damage {
		out = append(out, d.Error())
	}
	r.Damage = nil
	return out
}

// harm does one kind of damage to the files of a recording.
func harm(t *rapid.T, dir string, m *maker) {
	n := rapid.IntRange(1, m.number).Draw(t, "segment")
	path := m.path(n)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return
	} else if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		return
	}
	at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
	switch rapid.IntRange(0, 6).Draw(t, "harm") {
	case 0:
		b[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	case 1:
		b = b[:at]
	case 2:
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	case 3: // a lie with a good checksum
		b = lie(t, b)
	case 4: // a segment twice, under a name that comes later
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%06d.lst", m.began, 900+n)), b, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	case 5: // a hole
		end := min(len(b), at+rapid.IntRange(1, 4000).Draw(t, "length"))
		b = append(slices.Clone(b[:at]), b[end:]...)
	case 6: // a gap
		b = traces.AppendGap(b, traces.Gap{Step: 7, Steps: 3, Blocks: 1, Why: "drawn"})
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// lie changes one recorded decision of a stored trace and writes it anew.
func lie(t *rapid.T, b []byte) []byte {
	rd, err := traces.NewReader(bytes.NewReader(b))
	if err != nil {
		return b // it was damaged before
	}
	var printed bytes.Buffer
	_ = traces.Convert(&printed, traces.NDJSON, rd) // what is damaged is left out
	lines := bytes.Split(printed.Bytes(), []byte("\n"))
	var at []int
	for i, l := range lines {
		if bytes.HasPrefix(l, []byte(`{"decision":"forward"`)) {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return b
	}
	i := rapid.SampledFrom(at).Draw(t, "lie")
	lines[i] = bytes.Replace(lines[i], []byte(`"endpoint":`), []byte(`"endpoint":1`), 1)
	var out bytes.Buffer
	rd, err = traces.NewReader(bytes.NewReader(bytes.Join(lines, []byte("\n"))))
	if err != nil {
		t.Fatal(err)
	}
	if err := traces.Convert(&out, traces.Binary, rd); err != nil {
		return b // the number is not one any more
	}
	return out.Bytes()
}

func TestReplayInPartsIsReplayFromBeginningToEnd(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		m := newMaker(t, dir, rapid.Uint64Range(1, 1000).Draw(rt, "seed"))
		m.perPart = rapid.IntRange(5, 80).Draw(rt, "facts of a block")
		m.perFile = rapid.IntRange(1, 9).Draw(rt, "blocks of a segment")
		m.lax = rapid.IntRange(0, 5).Draw(rt, "lax") == 0
		m.life(rapid.IntRange(40, 400).Draw(rt, "requests"))
		for range rapid.IntRange(0, 3).Draw(rt, "harms") {
			harm(rt, dir, m)
		}
		if rapid.Bool().Draw(rt, "indexed") {
			old(t, dir)
			if all, err := recordings.Open([]string{dir}); err == nil {
				for _, r := range all {
					if _, err := r.Notes(0, 0); err != nil {
						rt.Fatal(err)
					}
				}
			}
		}
		all, err := recordings.Open([]string{dir})
		if err != nil {
			rt.Skip("nothing is left")
		}
		want, file := sequential(rt, all)
		defer recordings.SetPartSize(rapid.Int64Range(1, 20_000).Draw(rt, "part"))()
		got, err := recordings.Verify(all, rapid.IntRange(1, 4).Draw(rt, "jobs"))
		if err != nil {
			rt.Fatal(err)
		}
		if got.At != nil && got.At.Path != file || got.At == nil && file != "" {
			rt.Errorf("the divergence is in %v, not in %q", got.At, file)
		}
		if diff := cmp.Diff(texts(&want), texts(&got.Report)); diff != "" {
			rt.Errorf("damage (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, got.Report); diff != "" {
			rt.Errorf("-want +got:\n%s", diff)
		}
	})
}

package recordings_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/adapters/recordings"
	"lockstep/traces"
)

var newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// aged puts a segment of a router of that name, so old, with an index.
func aged(t *testing.T, dir, file, router string, age time.Duration, size int) string {
	t.Helper()
	path := filepath.Join(dir, file)
	b := traces.AppendFile(nil, traces.Header{Name: router, Origin: origin})
	write(t, path, append(b, make([]byte, max(0, size-len(b)))...))
	write(t, path+recordings.IndexSuffix, []byte("0123456789"))
	if err := os.Chtimes(path, time.Time{}, newYear.Add(-age)); err != nil {
		t.Fatal(err)
	}
	return path
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name, is := strings.CutSuffix(e.Name(), ".lst"); is {
			out = append(out, name[max(0, len(name)-6):])
		}
	}
	return out
}

func TestWhatIsPastItsTimeIsDeletedOldestFirst(t *testing.T) {
	const earlier, now = "20251230T000000.000Z-", "20251231T000000.000Z-"
	for _, c := range []struct {
		name    string
		keep    recordings.Keep
		want    []string
		because string
	}{
		{"no bound", recordings.Keep{}, []string{"000001", "000002", "000001", "000002", "000003"}, ""},
		{"by age", recordings.Keep{Age: 24 * time.Hour}, []string{"000001", "000002", "000003"}, "age"},
		{"by age, all but the newest", recordings.Keep{Age: 90 * time.Minute}, []string{"000003"}, "age"},
		{"by age, all", recordings.Keep{Age: time.Minute}, nil, "age"},
		{"by size, indexes included", recordings.Keep{Size: 3029}, []string{"000002", "000003"}, "size"},
		{"by size, to the byte", recordings.Keep{Size: 3030}, []string{"000001", "000002", "000003"}, "size"},
		{"by both", recordings.Keep{Age: 26 * time.Hour, Size: 2020}, []string{"000002", "000003"}, "age and size"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			aged(t, dir, earlier+"000001.lst", "r", 30*time.Hour, 1000)
			aged(t, dir, earlier+"000002.lst", "r", 25*time.Hour, 1000)
			aged(t, dir, now+"000001.lst", "r", 3*time.Hour, 1000)
			aged(t, dir, now+"000002.lst", "r", 2*time.Hour, 1000)
			aged(t, dir, now+"000003.lst", "r", time.Hour, 1000)
			w := &recordings.Sweeper{Dir: dir, Name: "r", Keep: c.keep}
			done, err := w.Sweep(newYear)
			if err != nil {
				t.Fatal(err)
			}
			if got := names(t, dir); !slices.Equal(got, c.want) {
				t.Errorf("left: %v, want %v", got, c.want)
			}
			if done.Because != c.because || done.Files != 5-len(c.want) || done.Bytes != int64(1010*done.Files) {
				t.Errorf("%+v, want because of %q", done, c.because)
			}
			left, err := filepath.Glob(filepath.Join(dir, "*"+recordings.IndexSuffix))
			if err != nil || len(left) != len(c.want) {
				t.Errorf("%d indexes left of %d segments", len(left), len(c.want))
			}
			if again, err := w.Sweep(newYear); err != nil || again.Files != 0 {
				t.Errorf("a second sweep: %+v %v", again, err)
			}
		})
	}
}

func TestASweepTouchesNothingButItsOwn(t *testing.T) {
	dir := t.TempDir()
	const old = 100 * time.Hour
	aged(t, dir, "20251230T000000.000Z-000001.lst", "r", old, 500)
	keep := []string{
		aged(t, dir, "20251230T000000.000Z-000002.lst", "another", old, 500),
		aged(t, dir, "mine.lst", "r", old, 500),
		aged(t, dir, "dump-20251230T000000.000Z-7.lst", "r", old, 500),
		aged(t, dir, "20251230T000000.000Z-000003.lst.old", "r", old, 500),
	}
	garbage := filepath.Join(dir, "20251230T000000.000Z-000009.lst")
	write(t, garbage, []byte("not a trace"))
	open := aged(t, dir, "20251230T000000.000Z-000004.lst", "r", old, 500)
	f, err := os.Open(open)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	recordings.HoldOpen(f)
	keep = append(keep, open, garbage)
	w := &recordings.Sweeper{Dir: dir, Name: "r", Keep: recordings.Keep{Age: time.Hour, Size: 1}}
	if done, err := w.Sweep(newYear); err != nil || done.Files != 1 {
		t.Errorf("%+v %v, want one file deleted", done, err)
	}
	for _, path := range keep {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	dumps := &recordings.Sweeper{Dir: dir, Name: "r", Dumps: true, Keep: recordings.Keep{Age: time.Hour}}
	if done, err := dumps.Sweep(newYear); err != nil || done.Files != 1 || !strings.Contains(done.Oldest, "dump-") {
		t.Errorf("%+v %v, want the dump deleted", done, err)
	}
}

func TestWhatACrashLeftIsClearedAway(t *testing.T) {
	dir := t.TempDir()
	orphan := filepath.Join(dir, "20251230T000000.000Z-000001.lst"+recordings.IndexSuffix)
	half := filepath.Join(dir, ".index-1")
	fresh := filepath.Join(dir, ".index-2")
	foreign := filepath.Join(dir, "notes.lst.idx")
	for _, path := range []string{orphan, half, fresh, foreign} {
		write(t, path, []byte("x"))
	}
	if err := os.Chtimes(half, time.Time{}, newYear.Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(fresh, time.Time{}, newYear); err != nil {
		t.Fatal(err)
	}
	w := &recordings.Sweeper{Dir: dir, Name: "r", Keep: recordings.Keep{Age: time.Hour}}
	if _, err := w.Sweep(newYear); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, path := range []string{orphan, half, fresh, foreign} {
		if _, err := os.Stat(path); err == nil {
			left = append(left, path)
		}
	}
	if !slices.Equal(left, []string{fresh, foreign}) {
		t.Errorf("left: %v", left)
	}
}

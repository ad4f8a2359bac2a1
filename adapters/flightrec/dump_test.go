package flightrec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/core"
	"lockstep/traces"
)

// dumped returns the reasons that the dumps in dir give.
func dumped(t *testing.T, dir string) (why []string) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.lst"))
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		rd, err := traces.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		why = append(why, rd.Header().Why)
		f.Close()
	}
	return why
}

func TestAnOpenedBreakerIsDumpedWithWhatLedToIt(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{DumpDir: dir})
		w.adopt(w.configs[0])
		w.breakA()
		w.close()
	})
	why := dumped(t, dir)
	if len(why) != 1 || !strings.Contains(why[0], "http://a:1") {
		t.Errorf("dumps %q, want one for http://a:1", why)
	}
	opened := 0
	files, _ := filepath.Glob(filepath.Join(dir, "*.lst"))
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rd, err := traces.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r, err := traces.Verify(rd, traces.Options{After: func(f *traces.Fact, _ *core.Router, ds []core.Decision) {
		for _, d := range ds {
			if d.Kind == core.NoteOpened {
				opened++
			}
		}
	}})
	if err != nil || !r.OK() || opened != 1 || r.First != 1 {
		t.Errorf("%v, %d opened, first fact %d, %v", err, opened, r.First, r.Divergence)
	}
}

func TestADumpOfTheSameMomentIsTheSameFile(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{DumpDir: dir})
		w.adopt(w.configs[0])
		time.Sleep(time.Second) // virtual: the first health checks are out
		first, err1 := w.rec.Dump("first")
		second, err2 := w.rec.Dump("second")
		w.arrive("a", 1)
		third, err3 := w.rec.Dump("third")
		if err1 != nil || err2 != nil || err3 != nil || first != second || first == third {
			t.Errorf("%s %v, %s %v, %s %v", first, err1, second, err2, third, err3)
		}
		w.close()
	})
	if why := dumped(t, dir); len(why) != 2 {
		t.Errorf("dumps %q, want two", why)
	}
}

func TestADumpThatCannotBeMadeSaysWhy(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		none := newWorld(t, Options{})
		none.close()
		empty := newWorld(t, Options{DumpDir: dir})
		missing := newWorld(t, Options{DumpDir: filepath.Join(dir, "gone")})
		missing.adopt(missing.configs[0])
		if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
			t.Fatal(err)
		}
		closed := newWorld(t, Options{DumpDir: dir})
		closed.close()
		for want, w := range map[string]*world{
			"no folder": none, "nothing is recorded": empty, "gone": missing, "closed": closed,
		} {
			if _, err := w.rec.Dump("test"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error that says %q", err, want)
			}
		}
		missing.close()
		empty.close()
	})
}

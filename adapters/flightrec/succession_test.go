package flightrec

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/adapters/driver"
	"lockstep/core"
)

func TestASuccessorsRecordingReplaysFromItsStartAndLiesBesideItsPredecessors(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir})
		w.adopt(w.configs[0])
		w.traffic(50, 1)
		w.breakA()
		w.arrive("b", 1) // one in flight
		time.Sleep(3 * time.Second)
		var snapshot []byte
		w.d.View(func(r *core.Router) { snapshot = r.Snapshot(nil) })

		next, err := core.Restore(snapshot, w.configs[0], true)
		if err != nil {
			t.Fatal(err)
		}
		next.Succeed()
		rec, err := New(Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		s := &world{t: t, rec: rec, configs: w.configs}
		s.d = driver.New(driver.Options{Observer: rec, Router: next, Origin: w.d.Origin()})
		if s.d.Now() != w.d.Now() {
			t.Errorf("the successor's clock shows %d, its predecessor's %d", s.d.Now(), w.d.Now())
		}
		if d := s.d.Adopt(s.configs[0], core.Epoch{}, core.OriginFile, core.FaultNone); d.Kind != core.Ack || d.Epoch.Number != 1 {
			t.Errorf("the successor's own configuration: %v, want it acknowledged under the epoch there is", d)
		}
		if d := s.arrive("a", 2); d.Failover != core.FailoverCircuitOpen && d.Circuit != core.Open {
			t.Errorf("decided %+v, want the breakers that its predecessor opened", d)
		}
		s.traffic(50, 2)
		w.finish(0, core.ClassNone)
		s.close()
		w.close()
	})
	files, _ := filepath.Glob(filepath.Join(dir, "*.lst"))
	if len(files) != 2 {
		t.Fatalf("%d files, want one of each process: %v", len(files), files)
	}
	for _, f := range files {
		alone := t.TempDir()
		link(t, f, alone)
		if r := verify(t, alone); r.First != 1 || len(r.Gaps) > 0 {
			t.Errorf("%s: facts from %d with gaps %v, want all from 1", filepath.Base(f), r.First, r.Gaps)
		}
	}
}

// link puts a file into another folder.
func link(t *testing.T, file, dir string) {
	t.Helper()
	if err := os.Link(file, filepath.Join(dir, filepath.Base(file))); err != nil {
		t.Fatal(err)
	}
}

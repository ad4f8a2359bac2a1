package flightrec

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"lockstep/adapters/recordings"
)

func TestARecorderKeepsItsFolderWithinItsSize(t *testing.T) {
	dir := t.TempDir()
	const most = 400 << 10
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir, SegmentSize: 1, Keep: recordings.Keep{Size: most}})
		w.adopt(w.configs[0])
		for i := range uint64(20) {
			w.traffic(1000, i)
			synctest.Wait()
		}
		w.close()
		s := w.rec.Stats()
		if s.DeletedFiles == 0 || s.DeletedBytes == 0 || s.LostBlocks > 0 {
			t.Errorf("%+v", s)
		}
		r := verify(t, dir)
		if r.First <= 1 || r.Last != s.Steps || r.Lost > 0 {
			t.Errorf("steps %d to %d of %d are left, %d missing between", r.First, r.Last, s.Steps, r.Lost)
		}
	})
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	// The open segment, which is one block, and its index come on top.
	if size > most+200<<10 || size < most/2 {
		t.Errorf("%d bytes in %d files, to be kept: %d", size, len(files), most)
	}
}

func TestARestartedRecorderCountsWhatItsPredecessorLeft(t *testing.T) {
	dir := t.TempDir()
	run := func(o Options) Stats {
		var s Stats
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, o)
			w.adopt(w.configs[0])
			w.traffic(4000, 1)
			w.close()
			s = w.rec.Stats()
		})
		return s
	}
	run(Options{Dir: dir, Name: "another", SegmentSize: 1})
	others, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(others) == 0 {
		t.Fatal(err, others)
	}
	if err := os.Mkdir(filepath.Join(dir, "kept"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range others { // the clock of a bubble begins anew, so names would be the same
		if err := os.Rename(path, filepath.Join(dir, "1"+filepath.Base(path)[1:])); err != nil {
			t.Fatal(err)
		}
	}
	mine := "3" // and so for an earlier life of our own
	run(Options{Dir: filepath.Join(dir, "kept"), Name: "r", SegmentSize: 1})
	own, err := filepath.Glob(filepath.Join(dir, "kept", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range own {
		if err := os.Rename(path, filepath.Join(dir, mine+filepath.Base(path)[1:])); err != nil {
			t.Fatal(err)
		}
	}
	if s := run(Options{Dir: dir, Name: "r", SegmentSize: 1, Keep: recordings.Keep{Size: 1}}); s.DeletedFiles == 0 {
		t.Errorf("%+v", s)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, mine+"*")); len(left) > 0 {
		t.Errorf("of an earlier life are left: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "1*")); len(left) != len(others) {
		t.Errorf("of another router are left %d files of %d", len(left), len(others))
	}
}

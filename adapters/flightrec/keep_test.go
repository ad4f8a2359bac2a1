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
	size := sizeOf(t, dir)
	// The open segment, which is one block, and its index come on top.
	if size > most+200<<10 || size < most/2 {
		t.Errorf("%d bytes are left, to be kept: %d", size, most)
	}
}

func TestAFolderIsWithinASmallBoundAllTheWhile(t *testing.T) {
	dir := t.TempDir()
	const most, block = 1 << 20, 200 << 10 // a block with its index is less
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir, Keep: recordings.Keep{Size: most}})
		w.adopt(w.configs[0])
		for i := range uint64(40) {
			w.traffic(2000, i)
			synctest.Wait()
			if size := sizeOf(t, dir); size > most+most/8+block {
				t.Fatalf("%d bytes, to be kept: %d", size, most)
			}
		}
		w.close()
		if s := w.rec.Stats(); s.DeletedFiles == 0 || s.WrittenBytes < 2*most {
			t.Errorf("%+v", s)
		}
	})
	if size := sizeOf(t, dir); size < most/2 {
		t.Errorf("%d bytes are left of %d that may be", size, most)
	}
}

func TestASegmentIsSmallWhereLittleIsKept(t *testing.T) {
	for most, want := range map[int64]int64{0: 64 << 20, 40 << 30: 64 << 20, 512 << 20: 64 << 20, 64 << 20: 8 << 20, 8 << 20: 1 << 20} {
		if got := segmentWithin(most); got != want {
			t.Errorf("within %d bytes: segments of %d, not %d", most, got, want)
		}
	}
}

// sizeOf is what the files in a folder take.
func sizeOf(t *testing.T, dir string) (size int64) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return size
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

package flightrec

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

// sick is a disk that tests can stop or break.
type sick struct {
	gate   chan struct{} // a write takes a token; closed for a disk that works
	broken bool
	file
}

func (s *sick) Write(b []byte) (int, error) {
	<-s.gate
	if s.broken {
		n, _ := s.file.Write(b[:len(b)/2]) // as a full disk does
		return n, errors.New("no space left on device")
	}
	return s.file.Write(b)
}

// sickWorld records to a disk that s can stop or break.
func sickWorld(t *testing.T, dir string, s *sick, log *strings.Builder) *world {
	rec, err := New(Options{Dir: dir, Memory: 300 << 10, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	create := rec.disk.create
	rec.disk.create = func(path string) (file, error) {
		f, err := create(path)
		s.file = f
		return s, err
	}
	return worldOf(t, rec)
}

func TestASlowDiskLosesWholeBlocksAndSaysSo(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	synctest.Test(t, func(t *testing.T) {
		disk := &sick{gate: make(chan struct{})}
		w := sickWorld(t, dir, disk, &log)
		w.adopt(w.configs[0])
		for i := range uint64(20) { // none of this waits for the disk, which stands still
			w.traffic(1000, 4*i)
			synctest.Wait() // the first block is on its way to the disk before any is lost
		}
		close(disk.gate)
		w.close()
		s := w.rec.Stats()
		r := verify(t, dir)
		if s.LostBlocks == 0 || len(r.Gaps) != 1 || r.Gaps[0].Blocks != s.LostBlocks || r.Gaps[0].Steps != s.LostSteps {
			t.Errorf("lost %d blocks of %d steps, the file says %+v", s.LostBlocks, s.LostSteps, r.Gaps)
		}
		if r.Facts+s.LostSteps != s.Steps || r.Last != s.Steps {
			t.Errorf("%d replayed + %d lost of %d; the last is %d", r.Facts, s.LostSteps, s.Steps, r.Last)
		}
	})
	if !strings.Contains(log.String(), "gap") {
		t.Errorf("the log does not mention the gap: %s", log.String())
	}
}

func TestABrokenDiskDoesNotStopServingAndRecordingResumes(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		close(gate)
		disk := &sick{gate: gate}
		w := sickWorld(t, dir, disk, &log)
		w.adopt(w.configs[0])
		w.traffic(2000, 1)
		synctest.Wait() // until the recorder's goroutine has written all there is
		disk.broken = true
		w.traffic(20_000, 8) // several blocks, each of which tries again
		synctest.Wait()
		disk.broken = false
		w.traffic(2000, 4)
		w.close()
		s := w.rec.Stats()
		if s.DiskErrors == 0 || !strings.Contains(s.LastError, "no space") {
			t.Errorf("the error is not in %+v", s)
		}
		r := verify(t, dir)
		if len(r.Gaps) != 1 || r.Facts+s.LostSteps != s.Steps {
			t.Errorf("%d replayed + %d lost of %d, gaps %+v", r.Facts, s.LostSteps, s.Steps, r.Gaps)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 4 {
			t.Errorf("%d files, want a segment from before the outage and one from after, each with its index", len(files))
		}
	})
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors logged, want one per outage: %s", n, log.String())
	}
}

func TestADiskThatNeverWorksLeavesNoFileAndDoesNotStopClose(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{Dir: dir})
		w.rec.disk.create = func(string) (file, error) { return nil, errors.New("read-only file system") }
		w.adopt(w.configs[0])
		w.traffic(5000, 1)
		w.close()
		if s := w.rec.Stats(); s.LostSteps != s.Steps || s.WrittenBytes != 0 {
			t.Errorf("lost %d of %d steps, wrote %d bytes", s.LostSteps, s.Steps, s.WrittenBytes)
		}
	})
}

func TestAFolderThatCannotBeMadeIsAnErrorAtStart(t *testing.T) {
	_, err := New(Options{Dir: "/dev/null/rec", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err == nil || !strings.Contains(err.Error(), "/dev/null") {
		t.Errorf("got %v, want an error that names the folder", err)
	}
}

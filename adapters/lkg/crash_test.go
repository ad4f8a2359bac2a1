package lkg

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

var errInjected = errors.New("injected")

// flaky is a disk in memory with what POSIX promises after a loss of power and
// no more: file content is safe once synced, names are safe once the folder is.
// Operation number failAt fails; with cut it also fails all that follow, as a
// loss of power does.
type flaky struct {
	names, synced map[string]*file // as programs see them, and as a crash leaves them
	done, failAt  int
	cut           bool
}

type file struct {
	data []byte
	safe bool
}

func newFlaky(failAt int, cut bool) *flaky {
	return &flaky{names: map[string]*file{}, synced: map[string]*file{}, failAt: failAt, cut: cut}
}

func (f *flaky) fails() bool {
	f.done++
	return f.done == f.failAt || f.cut && f.failAt > 0 && f.done > f.failAt
}

func (f *flaky) MkdirAll(string) error { return nil }

func (f *flaky) Lock(string) func() { return func() {} }

func (f *flaky) ReadFile(path string) ([]byte, error) {
	if got, ok := f.names[path]; ok {
		return got.data, nil
	}
	return nil, fs.ErrNotExist
}

// WriteSync is two operations, write and fsync; a failed write leaves half of it.
func (f *flaky) WriteSync(path string, data []byte) error {
	now := &file{data: data}
	f.names[path] = now
	if f.fails() {
		now.data = data[:len(data)/2]
		return errInjected
	}
	if f.fails() {
		return errInjected
	}
	now.safe = true
	return nil
}

func (f *flaky) Rename(from, to string) error {
	if f.fails() {
		return errInjected
	}
	f.names[to] = f.names[from]
	delete(f.names, from)
	return nil
}

func (f *flaky) SyncDir(string) error {
	if f.fails() {
		return errInjected
	}
	f.synced = map[string]*file{}
	for name, x := range f.names {
		f.synced[name] = x
	}
	return nil
}

// crashes returns the disks that a loss of power may leave: names as last
// synced, or as programs saw them, with unsynced content gone.
func (f *flaky) crashes() []*flaky {
	var out []*flaky
	for _, names := range []map[string]*file{f.synced, f.names} {
		after := newFlaky(0, false)
		for name, x := range names {
			if x.safe {
				after.names[name] = x
			} else {
				after.names[name] = &file{}
			}
		}
		out = append(out, after)
	}
	return out
}

// TestNoFaultAndNoCrashLosesTheCopy fails every operation in turn, for once or
// for good, then cuts the power: what is found is whole, is one of the last
// two, and is the newest if Commit said so.
func TestNoFaultAndNoCrashLosesTheCopy(t *testing.T) {
	const pushes = 3
	for _, cut := range []bool{false, true} {
		for failAt := range 4*pushes + 1 {
			t.Run(fmt.Sprintf("operation %d fails, cut %v", failAt, cut), func(t *testing.T) {
				disk := newFlaky(failAt, cut)
				s, err := OpenOn(disk, "d")
				if err != nil {
					t.Fatal(err)
				}
				promised, allowed := "", map[string]bool{"": true}
				for i := range pushes {
					body := fmt.Sprintf("version %d", i%2+1) // the first comes back at the end
					if err := s.Prepare([]byte(body)); err != nil {
						checkCrashes(t, disk, allowed)
						continue
					}
					allowed[body] = true
					checkCrashes(t, disk, allowed)
					if s.Commit() == nil {
						promised, allowed = body, map[string]bool{body: true}
					}
					checkCrashes(t, disk, allowed)
				}
				if failAt == 0 && promised != "version 1" {
					t.Errorf("without a fault the last promise is %q", promised)
				}
			})
		}
	}
}

func checkCrashes(t *testing.T, disk *flaky, allowed map[string]bool) {
	t.Helper()
	for _, after := range disk.crashes() {
		s, err := OpenOn(after, "d")
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Current()
		if err != nil && !errors.Is(err, ErrEmpty) {
			t.Errorf("after a crash: %v", err)
		} else if !allowed[string(got)] {
			t.Errorf("after a crash: found %q, want one of %v", got, allowed)
		}
	}
}

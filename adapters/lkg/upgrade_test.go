package lkg

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// both opens one folder as a router and its successor do.
func both(t *testing.T) (dir string, old, successor *Store) {
	t.Helper()
	dir = t.TempDir()
	var stores [2]*Store
	for i := range stores {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		stores[i] = s
	}
	return dir, stores[0], stores[1]
}

func TestAPushIsKeptThoughTheOtherProcessPreparedAnother(t *testing.T) {
	for name, order := range map[string]func(old, successor *Store) []error{
		"it prepared later": func(old, successor *Store) []error {
			return []error{successor.Prepare([]byte("v3")), old.Prepare([]byte("v2")), successor.Commit()}
		},
		"it committed in between": func(old, successor *Store) []error {
			return []error{old.Prepare([]byte("v2")), successor.Prepare([]byte("v3")), old.Commit(), successor.Commit()}
		},
		"it committed another since, and this one is pushed again": func(old, successor *Store) []error {
			return []error{
				old.Prepare([]byte("v2")), successor.Prepare([]byte("v3")), successor.Commit(), old.Commit(),
				successor.Prepare([]byte("v3")), successor.Commit(),
			}
		},
		"it committed the same": func(old, successor *Store) []error {
			return []error{old.Prepare([]byte("v3")), successor.Prepare([]byte("v3")), old.Commit(), successor.Commit()}
		},
	} {
		dir, old, successor := both(t)
		for i, err := range order(old, successor) {
			if err != nil {
				t.Errorf("%s: operation %d: %v", name, i, err)
			}
		}
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := again.Current(); string(got) != "v3" || err != nil {
			t.Errorf("%s: the successor acknowledged v3 and a restart finds %q, %v", name, got, err)
		}
	}
}

func TestTwoProcessesLoseNoCount(t *testing.T) {
	dir, old, successor := both(t)
	const rounds = 100
	var running sync.WaitGroup
	for i, s := range []*Store{old, successor} {
		running.Go(func() {
			for n := range rounds {
				body := fmt.Appendf(nil, "%d of %d", n%2, i) // four copies are counted at once
				if err := s.Begin(body); err != nil {
					t.Error(err)
				}
				if err := s.Leave(body); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	for _, r := range old.runs() {
		if r.begun != 0 {
			t.Errorf("%d runs are counted as ones that died", r.begun)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		if n := f.Name(); n != runsName {
			t.Errorf("%s is left", filepath.Join(dir, n))
		}
	}
}

package lkg

import (
	"errors"
	"fmt"
	"testing"
)

func reopen(t *testing.T, disk Disk) *Store {
	t.Helper()
	s, err := OpenOn(disk, "d")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// boot starts a router: what it begins with, counted.
func boot(t *testing.T, disk Disk) (*Store, Choice) {
	t.Helper()
	s := reopen(t, disk)
	c, err := s.Start()
	if err != nil && !errors.Is(err, ErrEmpty) {
		t.Fatalf("start: %v", err)
	}
	if err == nil {
		must(t, s.Begin(c.Body))
	}
	return s, c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// push is what a router does with a configuration that its control plane sends.
func push(s *Store, body string) error {
	for _, step := range []func([]byte) error{s.Prepare, s.Begin, func([]byte) error { return s.Commit() }} {
		if err := step([]byte(body)); err != nil {
			return err
		}
	}
	return nil
}

func TestTheThirdStartAfterTwoDeathsInTheSoakIsTheOneBefore(t *testing.T) {
	disk := newFlaky(0, false)
	s, _ := boot(t, disk)
	must(t, push(s, "good"))
	must(t, s.Soaked([]byte("good")))
	must(t, push(s, "bad")) // and it dies
	_, c := boot(t, disk)
	if string(c.Body) != "bad" || c.Deaths != 1 {
		t.Fatalf("the second start: %+v", c)
	}
	for range 3 { // it dies again, and what comes after does not count
		s, c = boot(t, disk)
		if string(c.Body) != "good" || !c.Soaked || c.Deaths != 2 {
			t.Fatalf("a later start: %q %+v", c.Body, c)
		}
	}
	if !s.Condemned([]byte("bad")) || s.Condemned([]byte("good")) || s.Condemned([]byte("new")) {
		t.Error("what is condemned is not what they died with")
	}
	must(t, s.Forgive([]byte("bad")))
	if s.Condemned([]byte("bad")) {
		t.Error("it is condemned although the operator insists")
	}
	must(t, push(s, "new"))
	if _, c := boot(t, disk); string(c.Body) != "new" || c.Deaths != 1 {
		t.Errorf("after a push: %+v", c)
	}
}

// TestAPushThatKillsAtOnceIsCounted: it dies between Begin and Commit, so that
// each restart begins with the old copy and is pushed the same again.
func TestAPushThatKillsAtOnceIsCounted(t *testing.T) {
	disk := newFlaky(0, false)
	s, _ := boot(t, disk)
	must(t, push(s, "good"))
	must(t, s.Soaked([]byte("good")))
	for n := range MaxDeaths {
		if s.Condemned([]byte("killer")) {
			t.Fatalf("condemned after %d deaths", n)
		}
		must(t, s.Prepare([]byte("killer")))
		must(t, s.Begin([]byte("killer")))
		var c Choice
		if s, c = boot(t, disk); string(c.Body) != "good" || c.Soaked {
			t.Fatalf("it starts with %q %+v", c.Body, c)
		}
	}
	if !s.Condemned([]byte("killer")) {
		t.Error("it may kill for ever")
	}
}

func TestAGoodEndAndARefusalAreNoDeaths(t *testing.T) {
	disk := newFlaky(0, false)
	s, _ := boot(t, disk)
	must(t, push(s, "good"))
	must(t, s.Soaked([]byte("good")))
	must(t, push(s, "new"))
	for range 4 {
		must(t, s.Begin([]byte("new"))) // the snapshot comes again at every connect
		must(t, s.Prepare([]byte("guarded")))
		must(t, s.Begin([]byte("guarded")))
		must(t, s.Abandon([]byte("guarded")))
		must(t, s.Leave([]byte("new")))
		var c Choice
		if s, c = boot(t, disk); string(c.Body) != "new" || c.Deaths != 0 {
			t.Fatalf("it starts with %q %+v", c.Body, c)
		}
	}
	if s.Condemned([]byte("guarded")) {
		t.Error("a push that was refused is condemned")
	}
}

func TestWithoutAnOlderGenerationTheCurrentCopyIsAllThereIs(t *testing.T) {
	disk := newFlaky(0, false)
	s, _ := boot(t, disk)
	must(t, push(s, "only"))
	for n := 1; n < 5; n++ {
		if _, c := boot(t, disk); string(c.Body) != "only" || c.Soaked || c.Deaths != n {
			t.Fatalf("start %d: %+v", n, c)
		}
	}
}

func TestADamagedCurrentCopyGivesWayToTheOlderOne(t *testing.T) {
	disk := newFlaky(0, false)
	s, _ := boot(t, disk)
	must(t, push(s, "good"))
	must(t, s.Soaked([]byte("good")))
	must(t, push(s, "new"))
	disk.names["d/current"].data = disk.names["d/current"].data[:20]
	if c, err := reopen(t, disk).Start(); err != nil || string(c.Body) != "good" || !c.Soaked || c.Damaged == nil {
		t.Errorf("%+v, %v", c, err)
	}
	disk.names["d/lkg"].data[5] ^= 1
	if _, err := reopen(t, disk).Start(); err == nil || errors.Is(err, ErrEmpty) {
		t.Errorf("both are damaged: %v", err)
	}
}

// TestNoCrashBetweenTwoOperationsKeepsARouterInALoop cuts the power at every
// operation of a life with one good and one deadly copy. Whatever the disk then
// holds, routers that die with the deadly copy come to rest on the good one, if
// that was promised, after MaxDeaths more starts at most.
func TestNoCrashBetweenTwoOperationsKeepsARouterInALoop(t *testing.T) {
	operations := 0
	for failAt := 0; failAt <= max(operations, 1); failAt++ {
		t.Run(fmt.Sprintf("operation %d", failAt), func(t *testing.T) {
			disk := newFlaky(failAt, true)
			s := reopen(t, disk)
			soaked := push(s, "good") == nil && s.Soaked([]byte("good")) == nil
			if soaked {
				_ = push(s, "bad") // cut off somewhere, or not
			}
			operations = max(operations, disk.done)
			for _, after := range disk.crashes() {
				seen := map[string]int{}
				for range 6 {
					s := reopen(t, after)
					c, err := s.Start()
					if err != nil && (soaked || !errors.Is(err, ErrEmpty)) {
						t.Fatalf("start: %v", err)
					}
					if err != nil {
						break
					}
					seen[string(c.Body)]++
					must(t, s.Begin(c.Body))
				}
				if seen["bad"] > MaxDeaths || soaked && seen["good"] < 6-MaxDeaths {
					t.Errorf("soaked %v: started with %v", soaked, seen)
				}
			}
		})
	}
	if operations < 15 {
		t.Errorf("only %d operations were cut", operations)
	}
}

package filewatch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// start runs a watch of patterns and returns the channel on which the content
// of main is sent at each call, the first call taken.
func start(t *testing.T, o Options, main string) <-chan string {
	t.Helper()
	calls := make(chan string, 100)
	o.Changed = func() []string {
		data, err := os.ReadFile(main)
		if err != nil {
			data = []byte("unreadable")
		}
		calls <- string(data)
		return nil
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- Run(ctx, o) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != context.Canceled {
			t.Errorf("Run ended with %v", err)
		}
	})
	<-calls
	return calls
}

// next returns the next call, or fails after a deadline no healthy machine meets.
func next(t *testing.T, calls <-chan string) string {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-time.After(time.Minute):
		t.Fatal("no change was noticed")
		return ""
	}
}

func TestAPollNoticesANewContentAfterTheInterval(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, "one")
	mock := clock.NewMock()
	calls := start(t, Options{Patterns: []string{path}, Clock: mock, PollOnly: true}, path)
	write(t, path, "two")
	mock.Add(5 * time.Second)
	if got := next(t, calls); got != "two" {
		t.Errorf("called with %q", got)
	}
}

func TestTheFileSystemNoticesAReplacedFileBeforeThePoll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	write(t, path, "one")
	calls := start(t, Options{Patterns: []string{path}, Every: 24 * time.Hour}, path)
	write(t, path+".new", "two")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if got := next(t, calls); got != "two" {
		t.Errorf("called with %q", got)
	}
}

func TestOnlyADifferenceInContentIsAChange(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "t", "new.csv")
	if err := os.Mkdir(filepath.Dir(other), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, "one")
	calls := 0
	w := watcher{Options: Options{
		Patterns: []string{path, filepath.Join(dir, "t", "*.csv")},
		Changed:  func() []string { calls++; return nil },
	}}
	w.seen = w.fingerprint()
	for _, step := range []struct {
		does string
		do   func()
		want int
	}{
		{"nothing happens", func() {}, 0},
		{"the same bytes are written again", func() { write(t, path, "one") }, 0},
		{"a file that no pattern matches appears", func() { write(t, filepath.Join(dir, "x.txt"), "x") }, 0},
		{"the content changes", func() { write(t, path, "two") }, 1},
		{"a file appears that a pattern matches", func() { write(t, other, "k,v") }, 1},
		{"the file goes away", func() { os.Remove(path) }, 1},
		{"it is still away", func() {}, 0},
		{"it comes back as it was", func() { write(t, path, "two") }, 1},
	} {
		calls = 0
		step.do()
		w.check()
		if calls != step.want {
			t.Errorf("%s: %d calls, want %d", step.does, calls, step.want)
		}
	}
}

func TestTheCallbackMovesThePatternsAndABrokenFileKeepsThem(t *testing.T) {
	dir := t.TempDir()
	main, included := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "inc.yaml")
	write(t, main, "includes inc")
	write(t, included, "a")
	calls, broken := 0, false
	w := watcher{Options: Options{Patterns: []string{main}}}
	w.Changed = func() []string {
		calls++
		if broken {
			return nil
		}
		return []string{main, included}
	}
	w.seen = w.fingerprint()
	w.change()
	broken = true
	write(t, main, "broken")
	w.check()
	write(t, included, "b")
	w.check()
	if calls != 4 {
		t.Errorf("%d calls, want 4: the first, the moved patterns, the broken file, the included one", calls)
	}
}

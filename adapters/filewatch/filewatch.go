// Package filewatch notices that the files of a configuration have changed and
// calls back. It compares content, so a touched or rewritten but equal file is
// no change. It polls, as the baseline does, and listens to the file system to
// be quicker; on a file system that tells nothing (NFS, some containers)
// polling alone does the job. What a change means is the callback's business:
// a broken new file is its error to report, and keeping the old configuration
// is to adopt nothing.
package filewatch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/fsnotify/fsnotify"
)

// Options say what to watch.
type Options struct {
	// Patterns are files and glob patterns, such as configfile's File.Watch.
	Patterns []string
	// Changed is called once when Run begins, since the files may have changed
	// after they were last read, and then after every change of content. It
	// returns the patterns to watch from now on; nil keeps those before, so that
	// what a broken file included last time is still watched. After other
	// patterns it is called once more. It is never called twice at once.
	Changed func() []string
	// Every is the time between two polls; 0 means 5 s.
	Every time.Duration
	// Clock tells when to poll; nil means the real one.
	Clock clock.Clock
	// PollOnly does not listen to the file system.
	PollOnly bool
}

// settleTime lets a writer that empties a file before filling it get done.
const settleTime = 20 * time.Millisecond

// Run watches until ctx ends and returns its error.
func Run(ctx context.Context, o Options) error {
	w := watcher{Options: o}
	w.Every = cmp.Or(o.Every, 5*time.Second)
	if w.Clock == nil {
		w.Clock = clock.New()
	}
	ticker := w.Clock.Ticker(w.Every)
	defer ticker.Stop()
	events := w.listen()
	defer w.close()
	w.seen = w.fingerprint()
	w.change()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		case <-events:
			w.settle(ctx, events)
		}
		w.check()
	}
}

type watcher struct {
	Options
	seen   [sha256.Size]byte
	notify *fsnotify.Watcher // nil: poll only
}

// check calls back if the content differs from what was last seen.
func (w *watcher) check() {
	now := w.fingerprint()
	if now == w.seen {
		return
	}
	w.seen = now
	w.change()
}

// change calls back, and once more when that moves the patterns: what the new
// ones match may have changed after it was read and before it was first seen.
func (w *watcher) change() {
	for {
		patterns := w.Changed()
		if patterns == nil || slices.Equal(patterns, w.Patterns) {
			return
		}
		w.Patterns = patterns
		w.seen = w.fingerprint()
		w.watchFolders()
	}
}

// fingerprint is a hash of every file that matches, its path and content. A
// file that cannot be read counts by its path alone.
func (w *watcher) fingerprint() (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, path := range w.matches() {
		data, err := os.ReadFile(path)
		fmt.Fprintf(h, "%q %d %t\n", path, len(data), err == nil)
		h.Write(data)
	}
	h.Sum(sum[:0])
	return sum
}

func (w *watcher) matches() []string {
	var paths []string
	for _, p := range w.Patterns {
		found, err := filepath.Glob(p)
		if err == nil {
			paths = append(paths, found...)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// listen opens the file system's notices; nil when there are none to be had.
func (w *watcher) listen() <-chan fsnotify.Event {
	if w.PollOnly {
		return nil
	}
	n, err := fsnotify.NewWatcher()
	if err != nil {
		return nil // polling goes on
	}
	w.notify = n
	w.watchFolders()
	return n.Events
}

// watchFolders asks for notices of the folders, not the files: an editor or a
// ConfigMap replaces a file by renaming, which a watch of the file would lose.
// A folder that cannot be watched is polled.
func (w *watcher) watchFolders() {
	if w.notify == nil {
		return
	}
	for _, path := range append(w.matches(), w.Patterns...) {
		_ = w.notify.Add(filepath.Dir(path))
	}
}

// settle waits a moment and takes the notices that come meanwhile.
func (w *watcher) settle(ctx context.Context, events <-chan fsnotify.Event) {
	done := w.Clock.After(settleTime)
	for {
		select {
		case <-events:
		case <-done:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (w *watcher) close() {
	if w.notify != nil {
		w.notify.Close()
	}
}

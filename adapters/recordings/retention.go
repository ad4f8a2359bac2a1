package recordings

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Keep says how long recordings stay. A zero field is no bound; the zero value
// keeps all.
type Keep struct {
	Age  time.Duration // since a file was last written
	Size int64         // bytes of all files with their indexes
}

// Swept is what a sweep deleted.
type Swept struct {
	Files   int
	Bytes   int64
	Oldest  string // the first file deleted, "" for none
	Because string // "age", "size", or both
}

// Sweeper deletes what is past a Keep from one folder: whole files, oldest
// first, each with its index. It knows its own by name and header: files of
// segments (or of dumps) that a router of the same name wrote, in this life or
// an earlier one. Other files, and those of routers of other names, it never
// touches, and never a segment that a router still writes.
type Sweeper struct {
	Dir   string
	Name  string // of the router, as headers have it
	Dumps bool   // sweep dumps, not segments
	Keep  Keep

	owner map[string]string // name in the header by file name; "" may be a name
}

// candidate is a file that may be deleted.
type candidate struct {
	path string
	size int64 // with its index
	mod  time.Time
}

// Sweep deletes what is past its time. A file that cannot be deleted is an
// error, and the others are deleted all the same. After a crash in the middle
// the next sweep does the rest.
func (w *Sweeper) Sweep(now time.Time) (done Swept, err error) {
	if w.Keep == (Keep{}) {
		return Swept{}, nil
	}
	files, err := w.own(now)
	if err != nil {
		return done, err
	}
	total := int64(0)
	for _, f := range files {
		total += f.size
	}
	aged, over := false, false
	var errs []error
	for _, f := range files {
		old := w.Keep.Age > 0 && now.Sub(f.mod) > w.Keep.Age
		big := w.Keep.Size > 0 && total > w.Keep.Size
		if !old && !big {
			break // the others are newer
		}
		gone, err := remove(f.path)
		if err != nil {
			errs = append(errs, err)
		}
		if !gone {
			continue
		}
		total -= f.size
		done.Files++
		done.Bytes += f.size
		if done.Oldest == "" {
			done.Oldest = f.path
		}
		aged, over = aged || old, over || !old
	}
	switch {
	case aged && over:
		done.Because = "age and size"
	case aged:
		done.Because = "age"
	case over:
		done.Because = "size"
	}
	return done, errors.Join(errs...)
}

// own lists this router's files, oldest first, and clears away what a crash left beside them.
func (w *Sweeper) own(now time.Time) (files []candidate, err error) {
	entries, err := os.ReadDir(w.Dir)
	if err != nil {
		return nil, err
	}
	known := make(map[string]string, len(w.owner))
	for _, e := range entries {
		name := e.Name()
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // it has just gone, or is none of ours
		}
		w.leftover(name, info, now)
		if !w.named(name) {
			continue
		}
		owner, seen := w.owner[name]
		if !seen {
			s, err := openSegment(filepath.Join(w.Dir, name))
			if err != nil {
				continue // whose it is cannot be told
			}
			owner = s.Header.Name
		}
		known[name] = owner
		if owner != w.Name {
			continue
		}
		f := candidate{filepath.Join(w.Dir, name), info.Size(), info.ModTime()}
		if ix, err := os.Stat(f.path + IndexSuffix); err == nil {
			f.size += ix.Size()
		}
		files = append(files, f)
	}
	w.owner = known
	slices.SortFunc(files, func(a, b candidate) int { return cmp.Or(a.mod.Compare(b.mod), cmp.Compare(a.path, b.path)) })
	return files, nil
}

func (w *Sweeper) named(name string) bool {
	if w.Dumps {
		return dumpName.MatchString(name)
	}
	return segmentName.MatchString(name)
}

// leftover deletes an index without its segment, and a half-written one.
func (w *Sweeper) leftover(name string, info fs.FileInfo, now time.Time) {
	path := filepath.Join(w.Dir, name)
	segment, isIndex := strings.CutSuffix(name, IndexSuffix)
	switch {
	case isIndex && segmentName.MatchString(segment):
		if _, err := os.Stat(filepath.Join(w.Dir, segment)); errors.Is(err, fs.ErrNotExist) {
			_ = os.Remove(path) // it is expendable, and so is its deletion
		}
	case strings.HasPrefix(name, indexTemp) && now.Sub(info.ModTime()) > time.Hour:
		_ = os.Remove(path)
	}
}

// remove deletes a file and its index, the index first: one without its
// segment would never be looked at. It reports false for a file that is being written.
func remove(path string) (gone bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), nil // another sweep was faster
	}
	defer f.Close() // only locked
	if !tryLock(f) {
		return false, nil
	}
	if err := os.Remove(path + IndexSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return true, nil
}

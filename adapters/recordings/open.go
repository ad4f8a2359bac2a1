package recordings

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"lockstep/traces"
)

// Recording is what one router recorded in one life: from its start, or from a
// hot upgrade, to its end. Its segments are in order.
type Recording struct {
	Header   traces.Header
	Segments []*Segment
	// Faults are files that were meant and could not be read, for people to be
	// told of. They stand at the first recording that came from the same argument.
	Faults []Fault
	// Progress is told what is being done that takes time, with how many of how many
	// segments are done; an empty text when it is over. nil for nobody.
	Progress func(what string, done, of int)

	configs configCache // of what Find and From read

	life string // of the files' names, "" for any other
	dump bool
}

// Fault is a file that could not be read, and why.
type Fault struct {
	Path string
	Err  error
}

// Error says what is wrong with which file.
func (f Fault) Error() string { return f.Path + ": " + f.Err.Error() }

// Unwrap returns Err.
func (f Fault) Unwrap() error { return f.Err }

// Open finds the recordings in files and folders. Of a folder it takes the
// segments (*.lst), and of a router that has none its dumps (dump-*.lst); or
// else its printed traces (*.ndjson); or else what is in the folders below it.
// Segments of one life of a router make one Recording, in order of their steps.
// The order of recordings is that in which the arguments name them, then that of time.
//
// A file that is named twice, such as in its folder and by name or through a
// symbolic link, is taken once, where it is named first. A copy is another file.
//
// A file that cannot be read does not hide the others: it is among the Faults.
// The error is for when there is nothing to read at all.
func Open(args []string) ([]*Recording, error) {
	var all []*Recording
	var faults []Fault
	seen := named{}
	for _, a := range args {
		found, bad, err := openArgument(a)
		if err != nil {
			bad = append(bad, Fault{a, err})
		}
		found = seen.recordings(found)
		faults = append(faults, seen.faults(bad)...)
		all = merge(all, found)
		if len(all) > 0 {
			all[max(0, len(all)-max(1, len(found)))].Faults = append(all[max(0, len(all)-max(1, len(found)))].Faults, faults...)
			faults = nil
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	errs := make([]error, len(faults))
	for i := range faults {
		errs[i] = faults[i]
	}
	if len(errs) == 0 {
		errs = append(errs, errors.New("name a recording: a file or a folder"))
	}
	return nil, errors.Join(errs...)
}

// named is the files that were taken, by where they are.
type named map[string]bool

// takes reports whether a file is named for the first time.
func (n named) takes(path string) bool {
	real := path
	if to, err := filepath.EvalSymlinks(path); err == nil {
		real = to
	}
	if to, err := filepath.Abs(real); err == nil {
		real = to
	}
	again := n[real]
	n[real] = true
	return !again
}

// recordings leaves out the files that were taken before.
func (n named) recordings(all []*Recording) (out []*Recording) {
	for _, r := range all {
		r.Segments = slices.DeleteFunc(r.Segments, func(s *Segment) bool { return !n.takes(s.Path) })
		if len(r.Segments) > 0 {
			r.Header = r.Segments[0].Header
			out = append(out, r)
		}
	}
	return out
}

func (n named) faults(all []Fault) []Fault {
	return slices.DeleteFunc(all, func(f Fault) bool { return !n.takes(f.Path) })
}

// opensAtOnce is how many files of a folder are opened at a time: they wait for the disk.
const opensAtOnce = 16

func openArgument(a string) (found []*Recording, faults []Fault, err error) {
	info, err := os.Stat(a)
	if err != nil {
		return nil, nil, plain(err)
	}
	if !info.IsDir() {
		s, err := openSegment(a)
		if err != nil {
			return nil, nil, err
		}
		return []*Recording{recordingOf(s)}, nil, nil
	}
	files, faults, err := traceFiles(a)
	if err != nil {
		return nil, nil, err
	}
	opened, errs := make([]*Segment, len(files)), make([]error, len(files))
	var wait sync.WaitGroup
	turn := make(chan struct{}, opensAtOnce)
	for i, path := range files {
		turn <- struct{}{}
		wait.Go(func() {
			opened[i], errs[i] = openSegment(path)
			<-turn
		})
	}
	wait.Wait()
	for i, path := range files {
		if errs[i] != nil {
			faults = append(faults, Fault{path, errs[i]})
			continue
		}
		found = merge(found, []*Recording{recordingOf(opened[i])})
	}
	return withoutDumps(found), faults, nil
}

// errGone is of a file that is not there: not yet named rightly, or deleted
// since Open by a router that keeps its folder within limits.
var errGone = errors.New("there is no such file or folder")

// plain takes the path out of an error of the file system, which its caller prints.
func plain(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errGone
	case errors.Is(err, fs.ErrPermission):
		return errors.New("permission denied: recordings are readable by their owner only; become that user, or root")
	}
	return err
}

// traceFiles lists the traces that a folder means. A folder below it that
// cannot be read, as lost+found often, is a fault and hides no other.
func traceFiles(dir string) (files []string, faults []Fault, err error) {
	files, err = tracesIn(dir)
	if err != nil || len(files) > 0 {
		return files, nil, err
	}
	below, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, plain(err)
	}
	for _, e := range below {
		if !e.IsDir() {
			continue
		}
		path := filepath.Join(dir, e.Name())
		more, err := tracesIn(path)
		if err != nil {
			faults = append(faults, Fault{path, err})
		}
		files = append(files, more...)
	}
	if len(files) == 0 {
		err := errors.New("the folder holds no recording: no segment (*.lst) and no printed trace (*.ndjson), nor do the folders in it")
		for _, f := range faults {
			err = fmt.Errorf("%w; %w", err, f)
		}
		return nil, nil, err
	}
	return files, faults, nil
}

// tracesIn lists the traces right in a folder.
func tracesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, plain(err)
	}
	var stored, printed []string
	for _, e := range entries {
		switch path := filepath.Join(dir, e.Name()); {
		case e.IsDir(), !e.Type().IsRegular() && e.Type()&fs.ModeSymlink == 0: // a pipe would be waited for
		case strings.HasSuffix(e.Name(), ".lst"):
			stored = append(stored, path)
		case strings.HasSuffix(e.Name(), ".ndjson"):
			printed = append(printed, path)
		}
	}
	if len(stored) > 0 {
		return stored, nil
	}
	return printed, nil
}

// Names that package flightrec gives.
var (
	segmentName = regexp.MustCompile(`^(\d{8}T\d{6}\.\d{3}Z)-(\d{6,})\.lst$`)
	dumpName    = regexp.MustCompile(`^dump-\d{8}T\d{6}\.\d{3}Z-\d+\.lst$`)
)

func recordingOf(s *Segment) *Recording {
	r := &Recording{Header: s.Header, Segments: []*Segment{s}}
	name := filepath.Base(s.Path)
	if m := segmentName.FindStringSubmatch(name); m != nil {
		r.life = m[1]
	}
	r.dump = strings.HasPrefix(name, "dump-")
	return r
}

// sameRouter reports whether two headers are of one router since its first
// start. Simulated recordings are whole in their files, and all routers of a
// run have one header.
func sameRouter(a, b *traces.Header) bool {
	return a.Origin != 0 && a.Name == b.Name && a.Seed == b.Seed && a.Origin == b.Origin
}

// merge adds recordings, joining those of one life. The successor of a hot
// upgrade has its predecessor's header; what tells them apart is the name of
// their files.
func merge(all, more []*Recording) []*Recording {
	for _, m := range more {
		i := slices.IndexFunc(all, func(r *Recording) bool {
			return sameRouter(&r.Header, &m.Header) && r.life == m.life && r.dump == m.dump
		})
		if i < 0 {
			all = append(all, m)
			continue
		}
		r := all[i]
		r.Segments = append(r.Segments, m.Segments...)
		slices.SortStableFunc(r.Segments, func(a, b *Segment) int {
			return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(filepath.Base(a.Path), filepath.Base(b.Path)))
		})
		r.Header = r.Segments[0].Header
	}
	return all
}

// withoutDumps leaves out dumps that repeat what the segments beside them hold.
func withoutDumps(all []*Recording) []*Recording {
	return slices.DeleteFunc(slices.Clone(all), func(d *Recording) bool {
		return d.dump && slices.ContainsFunc(all, func(r *Recording) bool { return !r.dump && sameRouter(&r.Header, &d.Header) })
	})
}

// Name is what to call the recording: its router's name, or its first file.
func (r *Recording) Name() string {
	if r.Header.Name != "" {
		return r.Header.Name
	}
	return filepath.Base(r.Segments[0].Path)
}

// Wall returns the wall time, in ns since 1970 UTC, of a time of the recording;
// of a simulated one it is the time since its start.
func (r *Recording) Wall(t int64) int64 { return r.Header.Origin + t }

// String names it with its number of files.
func (r *Recording) String() string {
	return fmt.Sprintf("%s (%d files from %s)", r.Name(), len(r.Segments), r.Segments[0].Path)
}

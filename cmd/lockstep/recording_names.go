package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"lockstep/adapters/recordings"
)

// recordingNames calls recordings by as little as tells them apart, and the same in every command:
// the name that they were given; else the folder or the file they lie in; else when they began.
func recordingNames(all []*recordings.Recording) []string {
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.Name()
	}
	for i, again := range repeated(names) {
		if again {
			names[i] = placeOf(all[i])
		}
	}
	for i, again := range repeated(names) {
		if again && all[i].Header.Origin != 0 { // which a router that takes over after an upgrade keeps
			from := max(all[i].Header.Origin, all[i].Segments[0].From)
			names[i] += " since " + time.Unix(0, from).UTC().Format("15:04:05")
		}
	}
	count := map[string]int{}
	for i, again := range repeated(names) {
		if name := names[i]; again {
			count[name]++
			names[i] = fmt.Sprintf("%s (%d)", name, count[name])
		}
	}
	return names
}

// repeated says which names are there more than once.
func repeated(names []string) []bool {
	seen := map[string]int{}
	for _, name := range names {
		seen[name]++
	}
	out := make([]bool, len(names))
	for i, name := range names {
		out[i] = seen[name] > 1
	}
	return out
}

// placeOf is the folder of what a router recorded, or the file of what was made.
func placeOf(r *recordings.Recording) string {
	path := r.Segments[0].Path
	if ownName(filepath.Base(path)) {
		if dir, err := filepath.Abs(filepath.Dir(path)); err == nil {
			return filepath.Base(dir)
		}
	}
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// ownName reports whether a router named the file: by when its recording began.
func ownName(base string) bool {
	stamp, _, _ := strings.Cut(strings.TrimPrefix(base, "dump-"), ".")
	_, err := time.Parse("20060102T150405", stamp)
	return err == nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lockstep/adapters/recordings"
	"lockstep/traces"
	"lockstep/traces/say"
)

// parted is the comparison of two recordings of one run.
type parted struct {
	OK         bool               `json:"ok"`
	Files      int                `json:"files"`
	Steps      uint64             `json:"steps"` // that both have, up to the first difference in each file
	File       string             `json:"file,omitempty"`
	Difference *traces.Difference `json:"difference,omitempty"` // the earliest
}

// runAgainst compares recordings of what should be one run, made by two builds
// or on two machines: each file with the one of its name in the folder, or with
// the file, that other names. Of several differences the earliest in time is told.
func runAgainst(w io.Writer, args []string, other string, asJSON bool) error {
	files, err := traceFiles(args)
	if err != nil {
		return err
	}
	info, err := os.Stat(other)
	if err != nil {
		return err
	}
	if !info.IsDir() && len(files) != 1 {
		return fmt.Errorf("--against %s is one file, to compare with one, not with %d", other, len(files))
	}
	out := parted{OK: true, Files: len(files)}
	for _, path := range files {
		counterpart := other
		if info.IsDir() {
			counterpart = filepath.Join(other, filepath.Base(path))
		}
		d, steps, err := compareFiles(path, counterpart)
		if err != nil {
			return err
		}
		out.Steps += steps
		if d != nil && (out.OK || d.Time < out.Difference.Time) {
			out.OK, out.File, out.Difference = false, path, d
		}
	}
	if asJSON {
		err = json.NewEncoder(w).Encode(out)
	} else {
		out.print(w)
	}
	if err == nil && !out.OK {
		return errFailed
	}
	return err
}

func compareFiles(a, b string) (*traces.Difference, uint64, error) {
	var readers [2]*traces.Reader
	for i, path := range [...]string{a, b} {
		r, f, err := recordings.OpenTrace(path)
		if err != nil {
			return nil, 0, err
		}
		defer f.Close()
		readers[i] = r
	}
	d, steps, err := traces.Compare(readers[0], readers[1])
	if err != nil {
		err = fmt.Errorf("%s and %s: %w", a, b, err)
	}
	return d, steps, err
}

func (p *parted) print(w io.Writer) {
	if !p.OK {
		fmt.Fprintf(w, "%s: %s", p.File, p.Difference)
	}
	fmt.Fprintf(w, "%s steps the same in %s\n", say.Count(p.Steps), say.Plural(p.Files, "file"))
}

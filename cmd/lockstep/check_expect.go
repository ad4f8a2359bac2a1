package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"lockstep/adapters/configdiff"
)

// judgeGolden puts golden requests to a configuration that compiles. They fail
// the check where they fail, or exercise less than least, in parts per million.
func (r *checkResult) judgeGolden(golden *configdiff.ExpectFile, least uint32) error {
	x, err := golden.Judge(r.side)
	if err != nil {
		return err
	}
	r.Expect = x
	x.FailUnder(least)
	r.OK = r.OK && x.OK()
	return nil
}

// printGolden says which golden requests fail, and what they do not exercise.
func (r *checkResult) printGolden(w io.Writer) {
	if r.Expect == nil {
		return
	}
	fmt.Fprintln(w, "\nGolden requests")
	for _, line := range r.Expect.Lines() {
		fmt.Fprintf(w, "  %s\n", line)
	}
}

// writeExpect writes a first file of golden requests; - is the output. A file
// that is there stays: somebody may have read and mended it.
func writeExpect(w io.Writer, paths []string, to string) error {
	if len(paths) != 1 {
		return fmt.Errorf("--write-expect writes what one configuration decides, and there are %d", len(paths))
	}
	side, err := loadSide(paths[0])
	if err != nil {
		return err
	}
	if to == "-" {
		return configdiff.Draft(w, side)
	}
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s is there already, and is not written over; name another file, or remove it", to)
		}
		return fmt.Errorf("writing golden requests: %w", err)
	}
	if err = errors.Join(configdiff.Draft(file, side), file.Close()); err != nil {
		return fmt.Errorf("writing golden requests: %w", err)
	}
	fmt.Fprintf(w, "wrote %s: read it before you rely on it; lockstep check %s --expect %s holds it\n", to, paths[0], to)
	return nil
}

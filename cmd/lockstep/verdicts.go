package main

import (
	"encoding/json"
	"io"
)

// verdict is what a command says of one file.
type verdict interface {
	print(io.Writer)
	passed() bool
}

// judgeFiles judges one file after the other. Each verdict is printed when it
// is there, or all of them as JSON at the end, beside what more says. An error
// of judge means that its question cannot be asked.
func judgeFiles[V verdict](w io.Writer, paths []string, asJSON bool, more map[string]any, judge func(path string) (V, error)) error {
	all, failed := make([]V, 0, len(paths)), false
	for _, path := range paths {
		v, err := judge(path)
		if err != nil {
			return err
		}
		all, failed = append(all, v), failed || !v.passed()
		if !asJSON {
			v.print(w)
		}
	}
	if asJSON {
		fields := map[string]any{"files": all}
		for k, v := range more {
			fields[k] = v
		}
		if err := writeJSON(w, fields); err != nil {
			return err
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

// writeJSON prints v for machines that people read too.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

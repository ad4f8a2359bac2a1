package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/sim/scenario"
	"lockstep/traces"
)

// observe is sim.Options.Observe.
type observe = func(router int, r *core.Router) loop.Observer

// traceTo returns an observer of router 1 that writes its trace to a file, up
// to its first restart, and what to call at the end. The name says the form:
// .ndjson is text, else binary.
func traceTo(path string, s *scenario.File) (observe, func() error, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, nil, fmt.Errorf("writing the trace: %w", err)
	}
	form := traces.Binary
	if filepath.Ext(path) == ".ndjson" {
		form = traces.NDJSON
	}
	var out *traces.Writer
	see := func(router int, r *core.Router) loop.Observer {
		if router != 1 || out != nil {
			return nil
		}
		out = newTrace(f, form, s, r)
		return out
	}
	finish := func() error {
		if out == nil {
			return f.Close()
		}
		return errors.Join(out.Close(), f.Close())
	}
	return see, finish, nil
}

// tracesTo returns an observer of all routers that writes a trace for each life
// of each into a folder: router-03.lst, and router-03-2.lst after its restart.
func tracesTo(dir string, s *scenario.File) (observe, func() error, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, fmt.Errorf("writing the traces: %w", err)
	}
	lives := map[int]int{}
	var open []io.Closer // each writer before its file
	var failed error
	see := func(router int, r *core.Router) loop.Observer {
		lives[router]++
		name := fmt.Sprintf("router-%02d", router)
		if lives[router] > 1 {
			name += fmt.Sprintf("-%d", lives[router])
		}
		f, err := os.Create(filepath.Join(dir, name+".lst"))
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("writing the traces: %w", err))
			return nil
		}
		w := newTrace(f, traces.Binary, s, r)
		open = append(open, w, f)
		return w
	}
	finish := func() error {
		for _, c := range open {
			failed = errors.Join(failed, c.Close())
		}
		return failed
	}
	return see, finish, nil
}

func newTrace(f io.Writer, form traces.Form, s *scenario.File, r *core.Router) *traces.Writer {
	return traces.NewWriter(f, form, traces.Header{Name: s.Name, Seed: s.Seed, Flags: []string{"simulated"}, Why: s.Property}, r)
}

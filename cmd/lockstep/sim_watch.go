package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"lockstep/adapters/configfile"
	"lockstep/adapters/filewatch"
)

// watchSim runs once, and again whenever a scenario or a configuration that one
// names has changed, until it is interrupted. What is broken is shown and
// watched on. The error is errFailed when the last run failed.
func watchSim(ctx context.Context, w io.Writer, args []string, rerun func() error) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	patterns, err := watched(args)
	if err != nil {
		return err
	}
	var last error
	_ = filewatch.Run(ctx, filewatch.Options{Patterns: patterns, Changed: func() []string {
		if last = rerun(); last != nil && !errors.Is(last, errFailed) {
			fmt.Fprintf(w, "%v\n", last)
			last = errFailed // it has been shown
		}
		fmt.Fprintln(w, "watching; ends with Ctrl-C")
		return nil
	}}) // ends with ctx, and says nothing else
	return last
}

// watched lists what the scenarios depend on: their files, new ones beside
// them, and the configurations that they name.
func watched(args []string) ([]string, error) {
	paths, err := scenarioPaths(args)
	if err != nil {
		return nil, err
	}
	patterns := slices.Clone(paths)
	for _, path := range paths {
		if !slices.Contains(args, path) {
			patterns = append(patterns, filepath.Join(filepath.Dir(path), "*.yaml"))
		}
		s, err := loadScenario(path, nil)
		if err != nil {
			continue // the run says so
		}
		if config, ok := s.file.Config.(string); ok {
			config = filepath.Join(filepath.Dir(path), config)
			if f, err := configfile.Load(config); err == nil {
				patterns = append(patterns, f.Watch...)
			}
		}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns), nil
}

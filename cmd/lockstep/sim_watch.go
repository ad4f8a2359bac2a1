package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"lockstep/adapters/configfile"
	"lockstep/adapters/filewatch"
	"lockstep/sim/scenario"
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
		patterns = append(patterns, configsOf(path)...)
	}
	slices.Sort(patterns)
	return slices.Compact(patterns), nil
}

// configsOf lists the configurations that a scenario names, with what they
// include. What is broken in it is the run's to say.
func configsOf(path string) (patterns []string) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var s scenario.File
	_ = configfile.DecodeYAML(path, data, &s) // takes what it can
	configs := []any{s.Config}
	for i := range s.Pushes {
		configs = append(configs, s.Pushes[i].Config)
	}
	for _, c := range configs {
		name, ok := c.(string)
		if !ok {
			continue
		}
		at := filepath.Join(filepath.Dir(path), name)
		patterns = append(patterns, at)
		if f, err := configfile.Load(at); err == nil {
			patterns = append(patterns, f.Watch...)
		}
	}
	return patterns
}

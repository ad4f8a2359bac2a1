package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// scenarioPaths turns arguments into scenario files: a file is itself, a
// directory its scenarios, dir/... those below it too. Other YAML files in a
// directory, such as configurations, are passed over.
func scenarioPaths(args []string) (paths []string, err error) {
	for _, arg := range args {
		dir, deep := strings.CutSuffix(arg, "/...")
		info, err := os.Stat(dir)
		switch {
		case err != nil:
			return nil, fmt.Errorf("looking for scenarios: %w", err)
		case !info.IsDir() && !deep:
			if is, err := isScenario(arg); err != nil || !is {
				return nil, errors.Join(err, fmt.Errorf("%s is not a scenario, which begins with scenario: 1\n  hint: a scenario names its configuration under config; "+
					"lockstep fuzz and lockstep sim --lose each-placement take a configuration", arg))
			}
			paths = append(paths, arg)
			continue
		}
		found, err := scenariosIn(dir, deep)
		if err != nil {
			return nil, fmt.Errorf("looking for scenarios in %s: %w", dir, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("there are no scenarios in %s: name a file, a directory, or dir/... for all below it", arg)
		}
		paths = append(paths, found...)
	}
	return paths, nil
}

func scenariosIn(dir string, deep bool) (paths []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && !deep:
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".yaml":
			return nil
		}
		is, err := isScenario(path)
		if is {
			paths = append(paths, path)
		}
		return err
	})
	return paths, err
}

// isScenario tells scenarios from configurations by the key that each begins with.
func isScenario(path string) (bool, error) {
	data, err := os.ReadFile(path)
	return strings.Contains("\n"+string(data), "\nscenario:"), err
}

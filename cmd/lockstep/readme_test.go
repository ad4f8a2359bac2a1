package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"lockstep/adapters/configfile"
)

// TestTheExampleInTheReadmeIsAConfiguration: what the README shows as a whole
// file can be loaded and compiled.
func TestTheExampleInTheReadmeIsAConfiguration(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml\n(lockstep: 1\n.*?)```").FindSubmatch(readme)
	if m == nil {
		t.Fatal("README.md shows no configuration")
	}
	path := filepath.Join(t.TempDir(), "router.yaml")
	if err := os.WriteFile(path, m[1], 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := configfile.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Compile(); err != nil {
		t.Error(err)
	}
}

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/sim/conform"
)

// One line is changed in either core itself, and that core is held to the other
// program's: `make conform-lines` builds each and runs lockstep conform against it.

// changedLine is a line of a core and what it is changed to.
type changedLine struct {
	file     string // below the root
	from, to string
}

// mostEvents is what a changed line must be shrunk to: a request of each kind that
// fills a placement and its queue is ten already.
const mostEvents = 16

const (
	goCore   = "core/"
	rustRoot = "cmd/router-pingora/"
	rustCore = rustRoot + "core/src/"
)

// changedLines are the same mistakes in both languages.
func changedLines() map[string]changedLine {
	return map[string]changedLine{
		"go: one failure too many":   {goCore + "outcome.go", "if e.breaker.failures >= b.Failures {", "if e.breaker.failures > b.Failures {"},
		"go: one place too many":     {goCore + "queue.go", "case s.queue.count >= p.limit.Queue:", "case s.queue.count > p.limit.Queue:"},
		"go: one retry too few":      {goCore + "retry.go", "case uint32(j.attempts) > spec.Max:", "case uint32(j.attempts) >= spec.Max:"},
		"go: a state told wrong":     {goCore + "breaker.go", "uint64(b.reopened)<<8|", "uint64(b.reopened)<<7|"},
		"rust: one failure too many": {rustCore + "outcome.rs", "if failures >= b.failures {", "if failures > b.failures {"},
		"rust: one place too many":   {rustCore + "queue.rs", "if s.queue.count >= p.limit.queue {", "if s.queue.count > p.limit.queue {"},
		"rust: one retry too few":    {rustCore + "retry.rs", "if u32::from(j.attempts) > spec.max {", "if u32::from(j.attempts) >= spec.max {"},
		"rust: a state told wrong":   {rustCore + "breaker.rs", "u64::from(self.reopened) << 8 |", "u64::from(self.reopened) << 7 |"},
	}
}

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// change returns the text of the line's file with the change made.
func (l *changedLine) change(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), l.file))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), l.from); n != 1 {
		t.Fatalf("%s has the line %q %d times, want once: choose another here", l.file, l.from, n)
	}
	return strings.Replace(string(text), l.from, l.to, 1)
}

// TestTheLinesToChangeAreThere, so that the long test does not rot.
func TestTheLinesToChangeAreThere(t *testing.T) {
	for name, l := range changedLines() {
		if text := l.change(t); !strings.Contains(text, l.to) {
			t.Errorf("%s: nothing is changed", name)
		}
	}
}

// TestOneLineThatIsChangedInACoreIsFoundAndShrunk builds both cores anew for each line.
func TestOneLineThatIsChangedInACoreIsFoundAndShrunk(t *testing.T) {
	if os.Getenv("LOCKSTEP_LINES") == "" {
		t.Skip("it builds both cores eight times: make conform-lines runs it")
	}
	rust := copyRust(t)
	for name, l := range changedLines() {
		t.Run(name, func(t *testing.T) {
			if strings.HasPrefix(l.file, rustRoot) {
				if rust == "" {
					t.Skip("NOT TRIED: cargo is not here, so no line of the Rust core was changed")
				}
				l.isFound(t, l.buildRust(t, rust))
			} else {
				l.isFound(t, l.buildGo(t))
			}
		})
	}
}

// isFound runs conform against a changed core. Of the vectors it asks only one in
// which the change does not show, so that it must be found, and shrunk, by search.
func (l *changedLine) isFound(t *testing.T, shim string) {
	t.Helper()
	dir, vectors := filepath.Join(t.TempDir(), "found"), t.TempDir()
	write(t, filepath.Join(vectors, "one.ndjson"), read(t, "../../traces/routing/unknown-key-is-refused.ndjson"))
	code, out, errs := lockstep("conform", "--for", "2m", "--vectors", vectors, "--json", "--out", dir, "--", shim)
	var r conformResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitFailed || len(r.Findings) == 0 {
		t.Fatalf("exit %d, %v: %s%s", code, err, out, errs)
	}
	f := r.Findings[0]
	if d := f.Difference; d == nil || f.Seed == 0 || f.Steps > mostEvents || f.Steps == 0 && d.Kind != conform.DiffRefused { // refused: the state that it begins with
		t.Errorf("%s of %d events, want at most %d: %v", f.Name, f.Steps, mostEvents, f.Difference)
	}
	if code, out, errs := lockstep("conform", "--only", f.Vector, "--", shim); code != exitFailed {
		t.Errorf("its vector, asked again: exit %d: %s%s", code, out, errs)
	}
	if code, out, errs := lockstep("replay", f.Vector); code != exitOK {
		t.Errorf("its vector is not what Go decides: exit %d: %s%s", code, out, errs)
	}
	t.Logf("%s: %s of %d events after %.1f s, shrunk to %d", l.file, f.Name, f.From, r.Seconds, f.Steps)
}

// buildGo builds a shim whose core has the line; the sources stay as they are.
func (l *changedLine) buildGo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file, overlay, shim := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "shim")
	b, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root(t), l.file): file}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, l.change(t))
	write(t, overlay, string(b))
	command(t, ".", "go", "build", "-overlay", overlay, "-o", shim, "./testdata/shim")
	return shim
}

// copyRust copies the Rust core and its traces, the only crates that a shim needs. It returns "" without cargo.
func copyRust(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("cargo"); err != nil {
		return ""
	}
	dir, from := t.TempDir(), filepath.Join(root(t), rustRoot)
	for _, crate := range []string{"core", "trace"} {
		for _, part := range []string{"src", "benches", "tests"} {
			if _, err := os.Stat(filepath.Join(from, crate, part)); err != nil {
				continue
			}
			if err := os.CopyFS(filepath.Join(dir, crate, part), os.DirFS(filepath.Join(from, crate, part))); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(dir, crate, "Cargo.toml"), read(t, filepath.Join(from, crate, "Cargo.toml")))
	}
	workspace := read(t, filepath.Join(from, "Cargo.toml"))
	const members = `members = ["core", "trace", "config", "router"]`
	if !strings.Contains(workspace, members) {
		t.Fatalf("the workspace's members are others than %s", members)
	}
	write(t, filepath.Join(dir, "Cargo.toml"), strings.Replace(workspace, members, `members = ["core", "trace"]`, 1))
	write(t, filepath.Join(dir, "Cargo.lock"), read(t, filepath.Join(from, "Cargo.lock")))
	return dir
}

// buildRust builds the shim with the line changed, and changes it back.
func (l *changedLine) buildRust(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, strings.TrimPrefix(l.file, rustRoot))
	sound := read(t, file)
	write(t, file, l.change(t))
	defer write(t, file, sound)
	t.Setenv("CARGO_TARGET_DIR", filepath.Join(dir, "target"))
	t.Setenv("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
	command(t, dir, "cargo", "build", "--quiet", "-p", "lockstep-trace", "--bin", "shim")
	shim := filepath.Join(t.TempDir(), "shim")
	if err := os.Rename(filepath.Join(dir, "target", "debug", "shim"), shim); err != nil {
		t.Fatal(err)
	}
	return shim
}

func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

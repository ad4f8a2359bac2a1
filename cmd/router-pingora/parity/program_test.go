package parity

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// program is one of the two binaries.
type program struct {
	name string // goSide or rustSide
	path string
	// flags are those that only this program has, for a router in that folder.
	flags func(dir string) []string
	// upgrade replaces a router that serves by a new process, in the program's
	// own way, and returns when the old one has stopped accepting.
	upgrade func(*process)
}

const (
	goSide   = "lockstep"
	rustSide = "router-pingora"
)

// programs are those that the suite runs; filled by TestMain.
var programs []*program

// missing says why the Rust side is not tried, "" if it is.
var missing string

// TestMain finds the programs, and says at the end which one was not tried.
func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	flag.Parse()
	// Cases wait for timeouts of the routers more than for the processor.
	if err := flag.Set("test.parallel", "12"); err != nil {
		fmt.Println(err)
		return 1
	}
	dir, err := os.MkdirTemp("", "lockstep-parity-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	ours, err := buildGo(dir)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	programs = []*program{ours}
	if other, err := findRust(); err == nil {
		programs = append(programs, other)
	} else {
		missing = err.Error()
	}
	code := m.Run()
	if missing != "" {
		fmt.Println("parity: router-pingora NOT TRIED: " + missing)
	}
	return code
}

// buildGo builds `lockstep` from this tree.
func buildGo(dir string) (*program, error) {
	path := filepath.Join(dir, "lockstep")
	if out, err := exec.Command("go", "build", "-o", path, "lockstep/cmd/lockstep").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building lockstep: %w\n%s", err, out)
	}
	return &program{name: goSide, path: path, upgrade: upgradeGo, flags: func(string) []string { return nil }}, nil
}

// lookAtSources looks at the programs and at the folders that ours is built from.
// go test keeps the result of a run until something changes that it has seen a
// test look at (which TestMain is not); what a program is built from it does not see.
func lookAtSources() error {
	if _, err := findRust(); err != nil && missing == "" {
		return err
	}

	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if .Main}}{{$.Dir}}{{end}}{{end}}", "lockstep/cmd/lockstep").Output()
	if err != nil {
		return fmt.Errorf("listing what lockstep is built from: %w", err)
	}
	for dir := range strings.FieldsSeq(string(out)) {
		if _, err := os.ReadDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// findRust finds the other binary: nothing here builds it.
func findRust() (*program, error) {
	var tried []string
	for _, path := range []string{
		os.Getenv("LOCKSTEP_ROUTER_PINGORA"), "../target/release/router-pingora", "../target/debug/router-pingora",
	} {
		if path == "" {
			continue
		}
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(full); err == nil && usable(full) {
			return &program{name: rustSide, path: full, upgrade: upgradeRust, flags: func(dir string) []string {
				return []string{"--upgrade-sock", filepath.Join(dir, "upgrade.sock")}
			}}, nil
		}
		tried = append(tried, path)
	}
	return nil, fmt.Errorf("there is no binary that serves (looked at %v); build it with `cargo build -p router-pingora`, or name it in LOCKSTEP_ROUTER_PINGORA", tried)
}

// usable reports whether path is a router; a binary without a command serve is not one yet.
func usable(path string) bool {
	return exec.Command(path, "serve", "--help").Run() == nil && len(outputOf(path, "serve", "--help")) > 0
}

func outputOf(path string, args ...string) string {
	out, err := exec.Command(path, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err.Error()
	}
	return string(out)
}

// verified are the recordings that were replayed, by who recorded and who replayed.
var verified = struct {
	sync.Mutex
	pairs map[string]int
}{pairs: map[string]int{}}

// replayAll replays a recording under every program.
func replayAll(t *testing.T, recorder string, segments []string) {
	t.Helper()
	for _, p := range programs {
		out, err := exec.Command(p.path, append([]string{"replay"}, segments...)...).CombinedOutput()
		if err != nil {
			t.Errorf("the recording of %s does not replay under %s: %v\n%s", recorder, p.name, err, out)
			continue
		}
		verified.Lock()
		verified.pairs[recorder+" under "+p.name]++
		verified.Unlock()
	}
}

// TestTheOtherRouterIsTried fails where CI wants both, and says plainly that
// one is missing everywhere else.
func TestTheOtherRouterIsTried(t *testing.T) {
	if err := lookAtSources(); err != nil {
		t.Error(err)
	}
	switch {
	case missing == "":
		t.Log("both routers are tried: " + programs[1].path)
	case os.Getenv("LOCKSTEP_PARITY") == "require":
		t.Error("router-pingora NOT TRIED: " + missing)
	default:
		t.Log("router-pingora NOT TRIED: " + missing)
	}
}

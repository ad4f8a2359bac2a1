package parity

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBothProgramsEndWithTheSameExitCodes holds the codes of DESIGN: 0 for fine,
// 1 for a verdict against what was asked about, 2 for a question that cannot be asked.
func TestBothProgramsEndWithTheSameExitCodes(t *testing.T) {
	dir := t.TempDir()
	const sound = "lockstep: 1\nplacements: {a: {endpoints: {x: {url: \"http://127.0.0.1:1\"}}}}\n"
	recording, err := os.ReadFile("../../../traces/adaptive/a-limit-in-use-is-halved-to-measure.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	identical := string(recording)
	diverging := strings.Replace(identical, `"reason":"dedicated"`, `"reason":"default"`, 1)
	damaged := strings.Replace(identical, `"event":"finish"`, `"event":"fin`, 1)
	if diverging == identical || damaged == identical {
		t.Fatal("the recording has changed: nothing is damaged")
	}
	for name, content := range map[string]string{
		"good.yaml": sound, "bad.yaml": sound + "colour: red\n", "notes.txt": "nothing\n",
		"identical.ndjson": identical, "damaged.ndjson": damaged, "diverging.ndjson": diverging,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"check of a good file", []string{"check", "good.yaml"}, 0},
		{"check of a bad file", []string{"check", "bad.yaml"}, 1},
		{"check of a good and a bad file", []string{"check", "good.yaml", "bad.yaml"}, 1},
		{"check of a missing file", []string{"check", "missing.yaml"}, 2},
		{"check of a bad and a missing file", []string{"check", "bad.yaml", "missing.yaml"}, 2},
		{"check of nothing", []string{"check"}, 2},
		{"serve of a bad file", []string{"serve", "-c", "bad.yaml"}, 2},
		{"serve of a missing file", []string{"serve", "-c", "missing.yaml"}, 2},
		{"serve without a file", []string{"serve"}, 2},
		{"serve with a flag that is none", []string{"serve", "--colour", "red"}, 2},
		{"serve on an address that is none", []string{"serve", "-c", "good.yaml", "--listen", "nowhere"}, 2},
		{"replay of an identical recording", []string{"replay", "identical.ndjson"}, 0},
		{"replay of a damaged recording", []string{"replay", "damaged.ndjson"}, 1},
		{"replay of a recording that diverges", []string{"replay", "diverging.ndjson"}, 1},
		{"replay of what is no recording", []string{"replay", "notes.txt"}, 2},
		{"replay of a missing file", []string{"replay", "missing.lst"}, 2},
		{"replay of nothing", []string{"replay"}, 2},
		{"a command that is none", []string{"dance"}, 2},
		{"help", []string{"--help"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, p := range programs {
				cmd := exec.Command(p.path, c.args...)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) {
					t.Fatal(err)
				}
				if got := cmd.ProcessState.ExitCode(); got != c.want {
					t.Errorf("%s ends with %d, want %d:\n%s", p.name, got, c.want, out)
				}
			}
		})
	}
}

package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"lockstep/adapters/driver"
	"lockstep/adapters/flightrec"
	"lockstep/core"
	"lockstep/traces"
)

// atByte is where damage is, which depends on the length of configurations.
var atByte = regexp.MustCompile(` at byte \d+`)

// segments makes a recording of one router of several segments.
func segments(t *testing.T, name string) (files []string) {
	t.Helper()
	dir := t.TempDir()
	rec, err := flightrec.New(flightrec.Options{Name: name, Dir: dir, SegmentSize: 1, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	c, err := core.Compile(core.Spec{
		Version: "v1", Keys: []core.KeySpec{{Key: "visa", Placement: "cell"}},
		Placements: []core.PlacementSpec{{Name: "cell", Endpoints: []core.EndpointSpec{{URL: "http://10.0.0.1:80"}}, Health: core.HealthSpec{Off: true}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d := driver.New(driver.Options{Seed: uint64(len(name)), Observer: rec})
	d.Adopt(c, core.Epoch{}, core.OriginFile, core.FaultNone)
	for i := range uint64(9000) {
		a := d.Arrive(driver.Arrival{Key: "visa", ID: [2]uint64{1, i}, Length: -1})
		d.Finish(a.Handle, core.ClassNone, 200, true)
	}
	d.Close()
	rec.Close()
	files, err = filepath.Glob(filepath.Join(dir, "*.lst"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d segments: %v", len(files), err)
	}
	return files
}

// edit changes the bytes of a file.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatIsWrongWithARecordingIsSaidAndTheRestIsRead(t *testing.T) {
	for _, c := range []struct {
		name   string
		harm   func(t *testing.T, files []string) (args []string) // nil args: the folder
		says   string
		passed bool // by replay: what is read is identical
	}{
		{"a flipped bit", func(t *testing.T, f []string) []string {
			edit(t, f[1], func(b []byte) []byte { b[len(b)/2] ^= 8; return b })
			return nil
		}, "%[2]s: block 1 at byte: CRC mismatch", false},
		{"a cut file", func(t *testing.T, f []string) []string {
			edit(t, f[1], func(b []byte) []byte { return b[:len(b)-100] })
			return nil
		}, "%[2]s: block 1 at byte: the file is cut short: 100 bytes of the frame are missing", false},
		{"a missing segment", func(t *testing.T, f []string) []string {
			if err := os.Remove(f[1]); err != nil {
				t.Fatal(err)
			}
			return nil
		}, " steps), 20", true},
		{"a format of the future", func(t *testing.T, f []string) []string {
			edit(t, f[1], func(b []byte) []byte { b[7] = 2; return b })
			return nil
		}, "%[2]s: reading a trace: the trace has format version 2, this program reads 1: use a newer lockstep", false},
		{"rules of the future", func(t *testing.T, f []string) []string {
			edit(t, f[1], func(b []byte) []byte { return respec(t, b) })
			return nil
		}, "recorded under spec 2, replayed under 1", true},
		{"an empty file", func(t *testing.T, f []string) []string {
			put(t, f[1], "")
			return nil
		}, "%[2]s: the file is empty", false},
		{"a log among them", func(t *testing.T, f []string) []string {
			put(t, f[1], "127.0.0.1 - - [19/Nov/2026] \"GET / HTTP/1.1\" 200\n")
			return nil
		}, "%[2]s: the file is text, not a recording; it begins with \"127.0.0.1", false},
		{"a compressed file", func(t *testing.T, f []string) []string {
			put(t, f[1], gzipped(t, "x"))
			return nil
		}, "%[2]s: the file is compressed (gzip): gunzip it first", false},
		{"a segment twice", func(t *testing.T, f []string) []string {
			b, err := os.ReadFile(f[1])
			if err != nil {
				t.Fatal(err)
			}
			put(t, strings.TrimSuffix(f[1], "2.lst")+"9.lst", string(b))
			return nil
		}, "9.lst repeats steps ", true},
		{"two routers in one folder", func(t *testing.T, f []string) []string {
			for _, other := range segments(t, "another") {
				if err := os.Rename(other, filepath.Join(filepath.Dir(f[0]), filepath.Base(other))); err != nil {
					t.Fatal(err)
				}
			}
			return nil
		}, "another is a recording of its own", true},
		{"a file that may not be read", func(t *testing.T, f []string) []string {
			if os.Geteuid() == 0 {
				t.Skip("root may read all")
			}
			if err := os.Chmod(f[1], 0); err != nil {
				t.Fatal(err)
			}
			return nil
		}, "%[2]s: permission denied", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := segments(t, "r")
			args := c.harm(t, files)
			if args == nil {
				args = []string{filepath.Dir(files[0])}
			}
			want := c.says
			if strings.Contains(want, "%") {
				want = fmt.Sprintf(strings.ReplaceAll(c.says, "%[2]s", "%[1]s"), files[1])
			}
			for _, command := range []string{"replay", "verify"} {
				code, out, errs := lockstep(append([]string{command}, args...)...)
				out = atByte.ReplaceAllString(out, " at byte")
				passed := c.passed && (command == "replay" || c.name != "a missing segment")
				if (code == exitOK) != passed || !strings.Contains(out, want) {
					t.Errorf("%s: exit %d, %q is not said: %s%s", command, code, want, out, errs)
				}
				if !strings.Contains(out, "identical") || strings.Contains("\n"+out, "\n0 decisions over") {
					t.Errorf("%s: the rest is not replayed: %s", command, out)
				}
			}
		})
	}
}

// respec writes a trace anew as recorded under spec 2.
func respec(t *testing.T, b []byte) []byte {
	rd, err := traces.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	h := rd.Header()
	before := len(traces.AppendFile(nil, h))
	h.Spec = "2"
	return append(traces.AppendFile(nil, h), b[before:]...)
}

func TestWhatIsNoRecordingIsRefusedWithItsKind(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string { return put(t, filepath.Join(dir, name), text) }
	for _, c := range []struct{ name, path, says string }{
		{"nothing there", filepath.Join(dir, "none"), "there is no such file or folder"},
		{"a folder without recordings", t.TempDir(), "the folder holds no recording"},
		{"an empty file", file("empty", ""), "the file is empty"},
		{"a log", file("log", "hello\n"), `is text, not a recording; it begins with "hello"`},
		{"gzip", file("gz", gzipped(t, "x")), "the file is compressed (gzip)"},
		{"an index", segments(t, "r")[0] + ".idx", "the file is an index: name the segment"},
		{"bytes", file("bytes", "\x00\x01\x02\x03"), "the file is no recording"},
		{"a newer format", file("newer", "LSTRACE\x07"), "format version 7, this program reads 1: use a newer lockstep"},
		{"a newer format, printed", file("newer.ndjson", `{"lockstep":7,"spec":"3"}`+"\n"), "format version 7, this program reads 1: use a newer lockstep"},
	} {
		for _, args := range [][]string{
			{"replay", c.path},
			{"verify", c.path},
			{"explain", c.path, "--step", "1"},
			{"convert", c.path, "-o", "-"},
		} {
			want := c.says
			if args[0] == "convert" && strings.HasPrefix(c.name, "a folder") {
				want = "is a directory"
			}
			if code, out, errs := lockstep(args...); code != exitUsage || !strings.Contains(errs, want) || !strings.Contains(errs, c.path) {
				t.Errorf("%s, %s: exit %d, %q is not said with the path: %s%s", args[0], c.name, code, want, out, errs)
			}
		}
	}
}

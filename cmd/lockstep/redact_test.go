package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRedactWritesARecordingThatReplaysWithoutTheKey(t *testing.T) {
	files := segments(t, "r")
	secret := put(t, filepath.Join(t.TempDir(), "secret"), "0123456789abcdef0123456789abcdef\n")
	out := filepath.Join(t.TempDir(), "out")
	code, said, errs := lockstep("redact", filepath.Dir(files[0]), "-o", out, "--key-file", secret)
	if code != exitOK || !strings.Contains(said, "1 key got pseudonyms") {
		t.Fatalf("exit %d: %s%s", code, said, errs)
	}
	if code, said, errs := lockstep("verify", out); code != exitOK || !strings.Contains(said, "identical") {
		t.Errorf("exit %d: %s%s", code, said, errs)
	}
	code, name, errs := lockstep("redact", "--find", "visa", "--key-file", secret)
	name = strings.TrimSpace(name)
	if code != exitOK || len(name) != 24 {
		t.Fatalf("exit %d: %s%s", code, name, errs)
	}
	redacted, err := filepath.Glob(filepath.Join(out, "*.lst"))
	if err != nil || len(redacted) != len(files) {
		t.Fatal(err, redacted)
	}
	for _, path := range redacted {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "visa") || !strings.Contains(string(b), name) {
			t.Errorf("%s holds the key, or not its pseudonym", path)
		}
	}
	for want, args := range map[string][]string{
		"is not empty":       {"redact", files[0], "-o", out, "--key-file", secret},
		"where to write":     {"redact", files[0], "--key-file", secret},
		"reads no recording": {"redact", files[0], "--find", "x", "--key-file", secret},
		"no such file":       {"redact", files[0], "-o", out + "2", "--key-file", secret + "2"},
		"16 are the least":   {"redact", files[0], "-o", out + "2", "--key-file", put(t, secret+"3", "short")},
	} {
		if code, _, errs := lockstep(args...); code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d, %q is not said: %s", args, code, want, errs)
		}
	}
}

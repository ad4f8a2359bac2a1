package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestARequestThatTwoFilesHoldIsListedOnce(t *testing.T) {
	printed := filepath.Join(t.TempDir(), "rec.ndjson")
	if code, _, errs := lockstep("convert", chosen(t), "-o", printed); code != 0 {
		t.Fatal(errs)
	}
	whole, err := os.ReadFile(printed)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(whole), "\n")
	recorded := strings.TrimSuffix(head, "}") + `,"origin":"2026-11-26T23:21:05.635Z"}` + "\n" + rest
	dump := filepath.Join(t.TempDir(), "dump.ndjson")
	for _, path := range []string{printed, dump} {
		if err := os.WriteFile(path, []byte(recorded), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, once, _ := lockstep("explain", printed, "--key", "acme", "--json")
	code, twice, errs := lockstep("explain", printed, dump, "--key", "acme", "--json")
	if code != 0 || twice != once || strings.Count(once, `"id"`) != 4 {
		t.Errorf("%d\n%s\ninstead of\n%s%s", code, twice, once, errs)
	}
}

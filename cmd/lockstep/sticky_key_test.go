package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheKeyOfStickyCookiesIsAFileOfEnoughBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for text, want := range map[string]string{"0123456789abcdef\n": "", "short": "has 5 bytes; write at least 16", " \n": "has 0 bytes"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := stickyKeyOf(path)
		if want == "" && (err != nil || string(key) != "0123456789abcdef") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %q %v", text, key, err)
		}
	}
	if _, err := stickyKeyOf(path + "x"); err == nil {
		t.Error("a file that is not there is no fault")
	}
	if key, err := stickyKeyOf(""); key != nil || err != nil {
		t.Errorf("without a file: %q %v", key, err)
	}
}

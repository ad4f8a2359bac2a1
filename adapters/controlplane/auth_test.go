package controlplane

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOffLoopbackNeedsATokenOrInsistence(t *testing.T) {
	for _, c := range []struct {
		url, listen string
		loopback    bool
	}{
		{"ws://localhost:8081", "localhost:8081", true},
		{"ws://127.0.0.1:8081/connect", "127.0.0.1:8081", true},
		{"ws://127.9.9.9:8081/connect", "127.9.9.9:0", true},
		{"ws://[::1]:8081", "[::1]:8081", true},
		{"ws://[::ffff:127.0.0.1]:8081", "[::ffff:127.0.0.1]:8081", true},
		{"ws://cp.internal:8081", ":8081", false},
		{"wss://10.0.0.1/connect", "0.0.0.0:8081", false},
		{"ws://localhost.evil.example", "[::]:8081", false},
		{"ws://127.0.0.1.evil.example", "10.0.0.1:8081", false},
	} {
		for _, token := range []string{"", "secret"} {
			for _, insecure := range []bool{false, true} {
				allowed := c.loopback || token != "" || insecure
				if _, err := checkURL(c.url, token, insecure); (err == nil) != allowed {
					t.Errorf("router to %s, token %q, insecure %v: %v", c.url, token, insecure, err)
				}
				if err := CheckListen(c.listen, token, insecure); (err == nil) != allowed {
					t.Errorf("listen on %s, token %q, insecure %v: %v", c.listen, token, insecure, err)
				}
			}
		}
	}
}

func TestAURLWithoutAPathMeansConnect(t *testing.T) {
	for raw, want := range map[string]string{
		"ws://localhost:8081":         "ws://localhost:8081/connect",
		"ws://localhost:8081/":        "ws://localhost:8081/connect",
		"ws://localhost:8081/connect": "ws://localhost:8081/connect",
		"wss://localhost/cp/7":        "wss://localhost/cp/7",
		"localhost:8081":              "",
		"ftp://localhost":             "",
		"ws://":                       "",
		"ws://%zz":                    "",
	} {
		if got, err := checkURL(raw, "", false); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", raw, got, err)
		}
	}
}

func TestATokenFileHoldsOnePrintableWord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for content, want := range map[string]string{"s3cret\n": "s3cret", " a ": "a", "": "", "\n": "", "two words": "", "b\x00d": ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadToken(path); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
	if _, err := ReadToken(path + ".none"); err == nil {
		t.Error("a missing file is no error")
	}
}

func TestBackOffStaysWithinItsBoundsAndSpreads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.IntRange(0, 1000).Draw(t, "attempt")
		wait := backoff(rapid.Uint64().Draw(t, "seed"), rapid.Uint64().Draw(t, "draw"), attempt)
		upper := time.Minute
		if attempt < 5 {
			upper = 2 * time.Second << attempt
		}
		if wait < time.Second || wait < upper/2 || wait > upper {
			t.Fatalf("attempt %d waits %v", attempt, wait)
		}
	})
	var early int
	for seed := range uint64(1000) {
		if backoff(seed, 1, 9) < 45*time.Second {
			early++
		}
	}
	if early < 400 || early > 600 {
		t.Errorf("%d of 1000 routers come back in the first half", early)
	}
}

func quoted(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func unquoted(t *testing.T, message string) string {
	t.Helper()
	var a answer
	if err := json.Unmarshal([]byte(message), &a); err != nil {
		t.Fatal(err)
	}
	return a.Error
}

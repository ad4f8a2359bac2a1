package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const hashSecret = "0123456789abcdef0123456789abcdef\n"

// hashedConfig is two cells, one of which fails and is tried again, and one with a queue.
func hashedConfig(listen, operators, secret, a, b, selects string) string {
	return fmt.Sprintf(`lockstep: 1
listen: {edge: {address: %q}}
admin: {address: %q}
recording: {key_hash: {file: %q}}
defaults: {health: none, breaker: {consecutive_failures: 3, open: 60s}, retries: {max: 2, on: [connect, 5xx], methods: any}}
placements:
  cell-a: {select: %s, endpoints: {a1: {url: %q}}, limit: {in_flight: 2, when_full: {queue: 20, wait: 5s}}}
  cell-b: {fallback: [cell-a], endpoints: {b1: {url: %q}}}
keys: {Kunde-nord: cell-a, Kunde-sued: cell-b}
routes: [{unknown_key: {to: cell-a}}]
`, listen, operators, secret, selects, a, b)
}

func TestServeWithHashedKeysWritesNoKeyAndReplays(t *testing.T) {
	dir := t.TempDir()
	listen, operators, file := freeAddress(t), freeAddress(t), filepath.Join(dir, "c.yaml")
	secret := put(t, filepath.Join(dir, "secret"), hashSecret)
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }))
	defer bad.Close()
	config := func(selects string) string {
		return hashedConfig(listen, operators, secret, okUpstream(t), bad.URL, selects)
	}
	put(t, file, config("round_robin"))
	rec, dumps := filepath.Join(dir, "rec"), filepath.Join(dir, "dumps")
	var out, errs safeBuffer
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- runServe(ctx, serveOptions{config: file, record: rec, dumps: dumps, noLog: true}, &out, &errs)
	}()
	p := &process{t: t, url: "http://" + listen, admin: "http://" + operators, dir: t.TempDir()}
	p.until("serving", func() bool { code, _ := p.get(p.admin + "/readyz"); return code == 200 })
	load := func(round int) {
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				for i := range 15 {
					req, _ := http.NewRequest("GET", p.url+"/orders", nil)
					req.Header.Set("X-Routing-Key", []string{"Kunde-nord", "Kunde-sued", fmt.Sprintf("Kunde-fremd-%d", i)}[i%3])
					req.Header.Set("X-Request-Id", fmt.Sprintf("%030x%02x", round*1000+g*100+i+1, g))
					if res, err := http.DefaultClient.Do(req); err == nil {
						res.Body.Close()
					} else {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
	}
	load(1)
	put(t, file, config("least_request")) // a reload that keys can be hashed under
	p.until("reloaded", func() bool { return strings.Count(errs.String(), "adopted") == 2 })
	load(2)
	live := filepath.Join(dir, "live.lst")
	code, body := p.get(p.admin + "/debug/recording")
	if code != 200 {
		t.Fatal(code, body)
	}
	put(t, live, body)
	code, said, wrong := lockstep("explain", "--admin", p.admin, "--key", "Kunde-nord", "--key-file", secret)
	if code != exitOK || !strings.Contains(said, "cell-a/a1") || !strings.Contains(wrong, "are hashed") {
		t.Errorf("exit %d: %s%s", code, said, wrong)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err, errs.String())
	}
	for _, path := range []string{rec, dumps, live} {
		noKeyIn(t, path)
		if code, said, wrong := lockstep("verify", path); code != exitOK || !strings.Contains(said, "no gap") || !strings.Contains(wrong, "are hashed") {
			t.Errorf("%s: exit %d: %s%s", path, code, said, wrong)
		}
	}
	_, name, _ := lockstep("redact", "--find", "Kunde-sued", "--key-file", secret)
	for _, how := range [][]string{{"--key", strings.TrimSpace(name)}, {"--key", "Kunde-sued", "--key-file", secret}} {
		code, said, wrong := lockstep(append([]string{"explain", rec, "--limit", "1000"}, how...)...)
		if code != exitOK || strings.Count(said, "--request") == 0 && strings.Count(said, "\n") < 80 {
			t.Errorf("%v: exit %d: %s%s", how, code, said, wrong)
		}
	}
	other := put(t, filepath.Join(dir, "other"), strings.ToUpper(hashSecret))
	for want, args := range map[string][]string{
		"add --key-file":            {"explain", rec, "--key", "Kunde-nord"},
		"under another secret":      {"explain", rec, "--key", "Kunde-nord", "--key-file", other},
		"has plain ones: add":       {"replay", rec, "--config", file},
		"under this secret already": {"redact", rec, "-o", filepath.Join(dir, "again"), "--key-file", secret},
	} {
		if code, _, wrong := lockstep(args...); code != exitUsage || !strings.Contains(wrong, want) {
			t.Errorf("%v: exit %d, %q is not said: %s", args, code, want, wrong)
		}
	}
	if code, said, wrong := lockstep("replay", rec, "--config", file, "--key-file", secret); code != exitOK || !strings.Contains(said, "cell-b") {
		t.Errorf("exit %d: %s%s", code, said, wrong)
	}
}

// noKeyIn fails the test if any file under path holds a plain key.
func noKeyIn(t *testing.T, path string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(file)
		if strings.Contains(string(b), "Kunde") {
			err = errors.Join(err, fmt.Errorf("%s holds a plain key", file))
		}
		return err
	})
	if err != nil || files == 0 {
		t.Error(err, files)
	}
}

func TestServeRefusesHashedKeysWhereTheyWouldDecideOtherwise(t *testing.T) {
	dir := t.TempDir()
	secret := put(t, filepath.Join(dir, "secret"), hashSecret)
	short := put(t, filepath.Join(dir, "short"), "0123456789abcdef")
	file := func(name, secret, selects string) string {
		return put(t, filepath.Join(dir, name), hashedConfig("127.0.0.1:0", "127.0.0.1:0", secret, "http://a:1", "http://b:1", selects))
	}
	for want, path := range map[string]string{
		"placement cell-a by rendezvous": file("a.yaml", secret, "rendezvous"),
		"32 are the least":               file("b.yaml", short, "round_robin"),
		"no such file":                   file("c.yaml", secret+"2", "round_robin"),
	} {
		err := runServe(t.Context(), serveOptions{config: path, dumps: t.TempDir()}, new(safeBuffer), new(safeBuffer))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

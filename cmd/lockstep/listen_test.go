package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/adapters/configfile"
	"lockstep/adapters/edge"
	"lockstep/adapters/settings"
)

// asWide is the listener of a file that has none: no setting reaches it, so it
// takes what the baseline takes.
func asWide(address string) configfile.Listener {
	return configfile.Listener{Name: "default", Address: address, HeaderMax: 1 << 20, HTTP1: settings.HTTP1Limits{TargetMax: 1 << 20, HeadersMax: 10_000}}
}

func TestAnAddressGivenMovesTheOnlyListenerAndNeverDropsItsTLS(t *testing.T) {
	secure := &settings.ListenerTLS{Folder: "certs"}
	one := []configfile.Listener{{Name: "edge", Address: ":8443", TLS: secure}}
	two := append(one, configfile.Listener{Name: "mesh", Address: ":8080"})
	for _, c := range []struct {
		given   string
		written []configfile.Listener
		want    []configfile.Listener
		err     string
	}{
		{"", nil, []configfile.Listener{asWide(":8080")}, ""},
		{":9", nil, []configfile.Listener{asWide(":9")}, ""},
		{"", two, two, ""},
		{":9", one, []configfile.Listener{{Name: "edge", Address: ":9", TLS: secure}}, ""},
		{":9", two, nil, "the file has 2 listeners"},
	} {
		got, err := listenersOf(c.given, c.written)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v", c.given, err)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: %s", c.given, d)
		}
	}
	if one[0].Address != ":8443" {
		t.Error("the file's own listener was changed")
	}
}

func TestServeSaysWhichListenerCannotBeOpened(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := filepath.Join(t.TempDir(), "c.yaml")
	for _, row := range []struct{ listener, want string }{
		{`address: "` + taken.Addr().String() + `"`, `listener "edge" cannot listen on ` + taken.Addr().String()},
		{`address: "127.0.0.1:0", tls: {certs: nowhere}`, `listener "edge": reading the folder of certificates`},
	} {
		text := "lockstep: 1\nlisten: {edge: {" + row.listener + "}}\nplacements: {a: {endpoints: {x: {url: \"http://a:1\"}}}}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := runServe(t.Context(), serveOptions{config: path}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("the error is %v, want %q in it", err, row.want)
		}
	}
}

func TestAChangedSectionListenIsReported(t *testing.T) {
	var log safeBuffer
	r, err := newRouter(routerOptions{log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	for _, row := range []struct {
		listen string
		want   bool
	}{{`{edge: {address: ":1"}}`, false}, {`{edge: {address: ":1", max_connections: 5}}`, true}} {
		text := "lockstep: 1\nlisten: " + row.listen + "\nplacements: {a: {health: none, endpoints: {x: {url: \"http://a:1\"}}}}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if r.listen == nil {
			file, err := configfile.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			r.listen = file.Listen
		}
		r.reload(path)
		if got := strings.Contains(log.String(), "listen has changed"); got != row.want {
			t.Errorf("%s: reported is %t\n%s", row.listen, got, log.String())
		}
	}
	r.close()
}

func TestWhatTheServerRefusesIsAnsweredAndLogged(t *testing.T) {
	var access, log safeBuffer
	r, err := newRouter(routerOptions{log: slog.New(slog.NewTextHandler(&log, nil)), access: &access})
	if err != nil {
		t.Fatal(err)
	}
	open, err := edge.Listen(edge.Options{Listeners: []configfile.Listener{{Name: "edge", Address: "127.0.0.1:0"}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.serve(ctx, open, &life{drain: time.Second}) }()
	c, err := net.Dial("tcp", open.Addrs()["edge"].String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
	answer, _ := io.ReadAll(c)
	c.Close()
	if !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("the answer is %q", answer)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	r.close()
	if line := access.String(); !strings.Contains(line, `"status_code":400`) {
		t.Errorf("the log has %q", line)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// startDemo runs a demo on free ports; stop ends it and returns its error.
func startDemo(t *testing.T, record string) (p demoPlan, log *safeBuffer, stop func() error) {
	t.Helper()
	plan, err := demoPlanFrom(0)
	if err != nil {
		t.Fatal(err)
	}
	plan.router, plan.control = 0, 0
	for i := range plan.cells {
		plan.cells[i].port = 0
	}
	log = new(safeBuffer)
	o := routerOptions{name: "demo", record: record, dumps: record, errs: io.Discard, access: log, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan demoPlan, 1), make(chan error, 1)
	go func() { ended <- runDemo(ctx, plan, o, func(p demoPlan) { ready <- p }) }()
	select {
	case p = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	return p, log, sync.OnceValue(func() error { cancel(); return <-ended })
}

// ask sends one request and returns the status and the router's headers.
func ask(t *testing.T, method, url, key string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("X-Routing-Key", key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	var said []string
	for _, name := range []string{"X-Routed-To", "X-Route-Reason", "X-Failover-Reason", "X-Circuit-State"} {
		if v := res.Header.Get(name); v != "" {
			said = append(said, v)
		}
	}
	return res.StatusCode, strings.Join(said, " ")
}

func TestTheDemoRoutesBreaksAndRecords(t *testing.T) {
	record := t.TempDir()
	p, log, stop := startDemo(t, record)
	defer stop()
	router, visa := "http://"+local(p.router), "http://"+local(p.cells[0].port)
	rows := []struct {
		method, url, key string
		status           int
		said             string
	}{
		{"GET", router, "visa", 200, "visa dedicated closed"},
		{"GET", router, "acme", 200, "tier1 tier closed"},
		{"GET", router, "globex", 200, "tier2 tier closed"},
		{"GET", router, "nobody", 200, "tier3 default closed"},
		{"GET", router, "", 400, ""},
		{"POST", visa + "/fault?fail=100", "", 200, ""},
		{"GET", router, "visa", 500, "visa dedicated closed"},
		{"GET", router, "visa", 500, "visa dedicated closed"},
		{"GET", router, "visa", 500, "visa dedicated closed"},
		{"GET", router, "visa", 500, "visa dedicated closed"},
		{"GET", router, "visa", 500, "visa dedicated closed"},
		{"GET", router, "visa", 200, "tier3 dedicated circuit_open closed"},
		{"GET", router + "/debug/config", "", 200, ""},
		{"GET", "http://" + local(p.control) + "/health", "", 200, ""},
	}
	for i, row := range rows {
		if status, said := ask(t, row.method, row.url, row.key); status != row.status || said != row.said {
			t.Errorf("step %d, %s %s as %q: %d %q, want %d %q", i, row.method, row.url, row.key, status, said, row.status, row.said)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "\n"); n != 11 {
		t.Errorf("11 requests left %d log lines", n)
	}
	if files, _ := filepath.Glob(filepath.Join(record, "*")); len(files) == 0 {
		t.Error("nothing was recorded")
	}
}

func TestATakenPortIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var p demoPlan
	p.control = l.Addr().(*net.TCPAddr).Port
	err = runDemo(t.Context(), p, routerOptions{}, func(demoPlan) { t.Error("it says that it runs") })
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "port is taken") {
		t.Errorf("error: %v", err)
	}
}

func TestServeRefusesABadConfigurationAndSaysWhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(path, []byte("{\n  \"version\": \"1\",\n  \"routingTable\": {\"visa\": \"nowhere\"},\n  \"cellEndpoints\": {\"visa\": \"http://localhost:1\"},\n  \"defaultPlacement\": \"visa\"\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	code := run([]string{"serve", "-c", path, "--listen", "127.0.0.1:0"}, io.Discard, &stderr)
	if code != exitUsage || !strings.Contains(stderr.String(), "bad.json:3:") || !strings.Contains(stderr.String(), "nowhere") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

func TestServeFollowsItsFileAndKeepsTheOldOneWhenTheNewIsBad(t *testing.T) {
	r, err := newRouter(routerOptions{log: slog.New(slog.DiscardHandler), errs: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	path := filepath.Join(t.TempDir(), "c.json")
	for _, row := range []struct{ text, version string }{
		{`{"version":"1","routingTable":{},"cellEndpoints":{"a":"http://localhost:1"},"defaultPlacement":"a"}`, "1"},
		{`{"version":"2","routingTable":{},"cellEndpoints":{"a":"http://localhost:1"},"defaultPlacement":"gone"}`, "1"},
		{`{"version":"3","routingTable":{},"cellEndpoints":{"a":"http://localhost:2"},"defaultPlacement":"a"}`, "3"},
	} {
		if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		r.reload(path)
		if info := r.configInfo(); info.Version != row.version || info.Source != "file" {
			t.Errorf("after %s: %+v", row.text, info)
		}
	}
}

func TestServeWithoutAnyConfigurationSaysHowToNameOne(t *testing.T) {
	err := runServe(t.Context(), serveOptions{}, io.Discard, io.Discard)
	if err == nil || errors.Is(err, errFailed) || !strings.Contains(err.Error(), "-c") {
		t.Errorf("error: %v", err)
	}
}

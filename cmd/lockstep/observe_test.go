package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// observed is a router in this process, with everything that watches it.
func observed(t *testing.T, sections string, send int) (log, metrics string, spans []string) {
	t.Helper()
	got := make(chan string, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- string(b)
	}))
	defer collector.Close()
	listen, operators := freeAddress(t), freeAddress(t)
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := fmt.Sprintf("lockstep: 1\nlisten: {edge: {address: %q, trust_headers_from: [\"127.0.0.1\"]}}\nadmin: {address: %q}\n", listen, operators) +
		strings.ReplaceAll(sections, "COLLECTOR", collector.URL) +
		fmt.Sprintf("routes: [{unknown_key: {to: a}}]\nplacements: {a: {endpoints: {x: {url: %q}}, health: none}}\n", okUpstream(t))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs safeBuffer
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- runServe(ctx, serveOptions{config: file, dumps: t.TempDir()}, &out, &errs)
	}()
	p := &process{t: t, url: "http://" + listen, admin: "http://" + operators, dir: t.TempDir()}
	p.until("serving", func() bool { code, _ := p.get(p.admin + "/readyz"); return code == 200 })
	for range send {
		if code, body := p.get(p.url + "/orders"); code != 200 {
			t.Fatal(code, body)
		}
	}
	_, metrics = p.get(p.admin + "/metrics")
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	close(got)
	for s := range got {
		spans = append(spans, s)
	}
	return out.String(), metrics, spans
}

func TestARequestIsSeenInTheLogTheMetricsAndTheTrace(t *testing.T) {
	log, metrics, spans := observed(t, "tracing: {otlp: \"COLLECTOR\", sample: 100%}\n", 3)
	if n := strings.Count(log, `"class":"ok"`); n != 3 || !strings.Contains(log, `"trace_id":"`) {
		t.Errorf("%d lines of the log with a class and a trace:\n%s", n, log)
	}
	if !strings.Contains(metrics, `lockstep_requests_total{class="ok",code="2xx",failover="",placement="a",reason="default"} 3`) {
		t.Errorf("metrics:\n%s", metrics)
	}
	if all := strings.Join(spans, ""); strings.Count(all, "lockstep.request_id") != 3 || strings.Count(all, "lockstep.attempt\x12") != 3 {
		t.Errorf("%d requests and %d attempts reached the collector, want 3 of each",
			strings.Count(all, "lockstep.request_id"), strings.Count(all, "lockstep.attempt\x12"))
	}
}

func TestWhatIsSwitchedOffIsNotThere(t *testing.T) {
	log, _, spans := observed(t, "access_log: none\n", 1)
	if log != "" || len(spans) > 0 {
		t.Errorf("log %q, %d batches of spans", log, len(spans))
	}
	if log, _, _ = observed(t, "access_log: {fields: baseline}\n", 1); strings.Contains(log, `"class"`) || !strings.Contains(log, `"request_id"`) {
		t.Errorf("log %q, want the baseline's fields alone", log)
	}
	if log, _, _ = observed(t, "access_log: {sample: 0%, always: [errors]}\n", 2); log != "" {
		t.Errorf("log %q, want nothing of requests that went well", log)
	}
}

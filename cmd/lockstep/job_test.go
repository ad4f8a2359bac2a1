package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockstep/adapters/cell"
)

// jobRequests is how many requests the job sends; `make soak` sends more.
func jobRequests(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("LOCKSTEP_JOB_REQUESTS"))
	if err != nil || n == 0 {
		return 6000
	}
	return n
}

// job is a router under load and all around it.
type job struct {
	t      *testing.T
	dir    string
	config string
	router string // URL
	cells  map[string]*httptest.Server
	stop   context.CancelFunc
	done   chan error
	errs   safeBuffer
	lastID atomic.Pointer[string]
}

// safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (j *job) write(version string, limit int) {
	var placements []string
	for _, name := range []string{"visa", "tier1", "tier3"} {
		placements = append(placements, fmt.Sprintf(`%q: {"url": %q, "concurrency_limit": %d,
			"circuit_breaker": {"failure_threshold": 5, "timeout": "50ms"}, "health_check": {"interval": "20ms"}}`, name, j.cells[name].URL, limit))
	}
	text := fmt.Sprintf(`{"version": %q, "routingTable": {"visa": "visa", "acme": "tier1"}, "defaultPlacement": "tier3", "placements": {%s}}`,
		version, strings.Join(placements, ",\n"))
	// Written aside and renamed, as an editor or a deploy tool would.
	if err := os.WriteFile(j.config+".new", []byte(text), 0o644); err != nil {
		j.t.Fatal(err)
	}
	if err := os.Rename(j.config+".new", j.config); err != nil {
		j.t.Fatal(err)
	}
}

// freeAddress returns an address nobody listens on.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func startJob(t *testing.T, control string) *job {
	j := &job{t: t, dir: t.TempDir(), cells: map[string]*httptest.Server{}, done: make(chan error, 1)}
	j.config = filepath.Join(j.dir, "router.json")
	for _, name := range []string{"visa", "tier1", "tier3"} {
		j.cells[name] = httptest.NewServer(cell.New(name))
		t.Cleanup(j.cells[name].Close)
	}
	j.write("v1", 64)
	address := freeAddress(t)
	j.router = "http://" + address
	o := serveOptions{config: j.config, listen: address, record: filepath.Join(j.dir, "rec"), dumps: filepath.Join(j.dir, "dumps"), drain: 5 * time.Second, noLog: true}
	o.control.url, o.control.state = control, filepath.Join(j.dir, "state")
	ctx, stop := context.WithCancel(t.Context())
	j.stop = stop
	go func() { j.done <- runServe(ctx, o, io.Discard, &j.errs) }()
	j.await("the router to serve", func() bool {
		res, err := http.Get(j.router + "/debug/config")
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
	return j
}

// await polls for what another goroutine or process brings about.
func (j *job) await(what string, ok func() bool) {
	j.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			j.t.Fatalf("waited in vain for %s; the router said:\n%s", what, j.errs.String())
		}
		select {
		case err := <-j.done:
			j.t.Fatalf("the router ended while it should %s: %v\n%s", what, err, j.errs.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (j *job) version() string {
	res, err := http.Get(j.router + "/debug/config")
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

// load sends n requests of mixed keys from 16 clients and counts statuses.
func (j *job) load(n int) map[int]int {
	var next atomic.Int64
	var mu sync.Mutex
	statuses := map[int]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	keys := [...]string{"visa", "acme", "tenant-of-nobody", "visa", ""}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				status := j.send(client, keys[i%int64(len(keys))])
				mu.Lock()
				statuses[status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return statuses
}

func (j *job) send(client *http.Client, key string) int {
	req, _ := http.NewRequest("GET", j.router+"/", nil)
	if key != "" {
		req.Header.Set("X-Routing-Key", key)
	}
	res, err := client.Do(req)
	if err != nil {
		j.t.Errorf("sending a request: %v", err)
		return 0
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	if res.Header.Get("X-Failover-Reason") != "" {
		id := res.Header.Get("X-Request-Id")
		j.lastID.Store(&id)
	}
	return res.StatusCode
}

func (j *job) fault(method, name, query string) {
	req, _ := http.NewRequest(method, j.cells[name].URL+"/fault"+query, nil)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		j.t.Fatal(err)
	}
	res.Body.Close()
}

// end stops the router and returns the folder of its recording.
func (j *job) end() string {
	j.stop()
	if err := <-j.done; err != nil {
		j.t.Fatalf("the router ended with %v\n%s", err, j.errs.String())
	}
	return filepath.Join(j.dir, "rec")
}

// says runs a command and joins what it printed.
func says(args ...string) (int, string) {
	code, out, errs := lockstep(args...)
	return code, out + errs
}

// The main job over real sockets: serve, break a cell and reload the
// configuration under load, then replay and explain what was recorded.
func TestRealTrafficIsServedRecordedReplayedAndExplained(t *testing.T) {
	j := startJob(t, "")
	third := jobRequests(t) / 15 * 5 // whole rounds of the five keys
	total := map[int]int{}
	add := func(m map[int]int) {
		for status, n := range m {
			total[status] += n
		}
	}
	add(j.load(third))
	j.fault("POST", "visa", "?fail=100")
	add(j.load(third))
	j.write("v2", 32)
	j.await("adopt v2", func() bool { return strings.Contains(j.version(), `"v2"`) })
	j.fault("DELETE", "visa", "")
	add(j.load(jobRequests(t) - 2*third))
	rec := j.end()

	if total[200] == 0 || total[400] != jobRequests(t)/5 || total[500] < 5 || j.lastID.Load() == nil {
		t.Errorf("statuses %v, failover seen: %v", total, j.lastID.Load() != nil)
	}
	code, said := says("replay", rec)
	if code != exitOK || !strings.Contains(said, "identical") {
		t.Fatalf("replay: exit %d: %s", code, said)
	}
	t.Logf("%d requests, statuses %v: %s", jobRequests(t), total, said)
	code, said = says("explain", rec, "--request", *j.lastID.Load())
	if code != exitOK || !strings.Contains(said, "circuit_open") || !strings.Contains(said, "visa") {
		t.Errorf("explain of a failover: exit %d: %s", code, said)
	}
	segments, _ := filepath.Glob(filepath.Join(rec, "*.lst"))
	checkEditIsFound(t, segments)
	checkFlipIsFound(t, segments[0])
}

// checkEditIsFound edits one decision through the NDJSON view.
func checkEditIsFound(t *testing.T, segments []string) {
	t.Helper()
	view := filepath.Join(t.TempDir(), "view.ndjson")
	if code, said := says("convert", segments[0], "-o", view); code != exitOK {
		t.Fatalf("convert: exit %d: %s", code, said)
	}
	b, err := os.ReadFile(view)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	for i := len(lines) / 2; i < len(lines); i++ {
		if strings.Contains(lines[i], `"forward","rule":3`) { // a half-open probe has rule 6
			lines[i] = strings.Replace(lines[i], `"rule":3`, `"rule":4`, 1)
			break
		}
	}
	if err := os.WriteFile(view, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, said := says("replay", view); code != exitFailed || !strings.Contains(said, "rule") {
		t.Errorf("replay of an edited decision: exit %d: %s", code, said)
	}
}

// checkFlipIsFound flips one byte in the middle of a segment.
func checkFlipIsFound(t *testing.T, segment string) {
	t.Helper()
	b, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 0x10
	path := filepath.Join(t.TempDir(), "flipped.lst")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := says("replay", path); code != exitFailed || !strings.Contains(said, "CRC") || !strings.Contains(said, "block") {
		t.Errorf("replay of a flipped byte: exit %d: %s", code, said)
	}
}

func TestLosingTheControlPlaneUnderLoadChangesNothing(t *testing.T) {
	address := freeAddress(t)
	dir := t.TempDir()
	j := startJob(t, "ws://"+address+"/connect")
	pushed := filepath.Join(dir, "pushed.json")
	push := func(version string) {
		b, err := os.ReadFile(j.config)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pushed, bytes.Replace(b, []byte(`"v1"`), []byte(strconv.Quote(version)), 1), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var said safeBuffer
	control := func() (kill func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		flags := controlFlags{config: pushed, listen: address}
		go func() { done <- runControl(ctx, flags, &said, func(string) {}) }()
		return func() { cancel(); <-done }
	}
	push("v2")
	kill := control()
	j.await("adopt v2 from the control plane", func() bool { return strings.Contains(j.version(), `"v2"`) })
	kill()
	statuses := j.load(1000)
	if statuses[200] != 800 || statuses[400] != 200 {
		t.Errorf("without a control plane: %v", statuses)
	}
	push("v3")
	kill = control()
	j.await("adopt v3 from the new control plane", func() bool { return strings.Contains(j.version(), `"v3"`) })
	j.await("acknowledge v3", func() bool { return strings.Contains(said.String(), "acked") && strings.Contains(said.String(), "v3") })
	kill()
	if code, said := says("replay", j.end()); code != exitOK {
		t.Errorf("replay: exit %d: %s", code, said)
	}
}

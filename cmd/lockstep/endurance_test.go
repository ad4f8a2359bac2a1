package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lockstep/core"
	"lockstep/traces"
)

// The long run: a router under an even load in a process of its own, while its
// endpoints are killed and come back, configurations are pushed and the program
// is replaced twice. LOCKSTEP_ENDURE says for how long; `make endure` takes half
// an hour.

// endureRate is the load in requests a second.
const endureRate = 5000

func endureFor(t *testing.T) time.Duration {
	d, err := time.ParseDuration(cmp.Or(os.Getenv("LOCKSTEP_ENDURE"), "6s"))
	if err != nil {
		t.Fatalf("LOCKSTEP_ENDURE: %v", err)
	}
	return d
}

// endurance is everything in the run but the load.
type endurance struct {
	*process
	config         string
	cells          []*realCell
	period         time.Duration // from one crash to the next
	pushes, deaths int
	pid            int // of the router that serves
}

// realCell is one endpoint as a process of its own.
type realCell struct {
	placement, name, address string
	cmd                      *exec.Cmd
}

// TestLoadWithCrashesPushesAndUpgradesIsExplained: every request gets an answer,
// every answer that is a failure is in a recording with a reason that the rules
// give, and every recording replays.
func TestLoadWithCrashesPushesAndUpgradesIsExplained(t *testing.T) {
	e := startEndurance(t)
	ctx, cancel := context.WithTimeout(t.Context(), endureFor(t))
	defer cancel()
	var trouble sync.WaitGroup
	for _, f := range []func(context.Context){e.crash, e.push, e.replace} {
		trouble.Go(func() { f(ctx) })
	}
	load := newSteadyLoad(e.url)
	load.run(ctx)
	trouble.Wait()
	e.signal(e.pid, syscall.SIGTERM)
	e.until("the end of the last router", func() bool { return syscall.Kill(e.pid, 0) != nil || ended(e.pid) })

	why := explainAll(t, e.dir, load.failed)
	shares := map[string]int{}
	for id, status := range load.failed {
		if why[id] == "" {
			t.Errorf("request %s failed with %d and no recording says why", id, status)
		}
		shares[fmt.Sprintf("%d %s", status, cmp.Or(why[id], "unexplained"))]++
	}
	for _, err := range load.lost {
		t.Errorf("no answer: %s", err)
	}
	if e.deaths == 0 || e.pushes == 0 || len(e.extra) != 2 || load.sent.Load() < endureRate/2 {
		t.Errorf("not much of a run: %d deaths, %d pushes, %d upgrades, %d requests", e.deaths, e.pushes, len(e.extra), load.sent.Load())
	}
	t.Logf("%d requests in %v, at most %v late; %d endpoints killed, %d pushes, 2 upgrades", load.sent.Load(), endureFor(t), load.late, e.deaths, e.pushes)
	for _, k := range slices.Sorted(maps.Keys(shares)) {
		t.Logf("%8d  %s", shares[k], k)
	}
}

func startEndurance(t *testing.T) *endurance {
	program, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	e := &endurance{
		process: &process{t: t, dir: dir, url: "http://" + freeAddress(t), admin: "http://" + freeAddress(t), stopped: make(chan error, 1)},
		config:  filepath.Join(dir, "c.yaml"), period: min(10*time.Second, endureFor(t)/6),
	}
	for _, placement := range []string{"visa", "acme", "shared"} {
		for _, name := range []string{"a", "b"} {
			c := &realCell{placement: placement, name: name, address: freeAddress(t)}
			e.cells = append(e.cells, c)
			c.start(t, program)
		}
	}
	e.write(0)
	e.cmd = exec.Command(program, "serve", "-c", e.config, "--dumps", dir, "--no-log", "--drain", "5s")
	e.run()
	e.pid = e.cmd.Process.Pid
	return e
}

func (c *realCell) start(t *testing.T, program string) {
	c.cmd = exec.Command(program, "cell", "--name", c.placement+"-"+c.name, "--listen", c.address)
	if err := c.cmd.Start(); err != nil {
		t.Error(err)
		return
	}
	cmd := c.cmd
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
}

// write is version n of the configuration: weights and a limit move.
func (e *endurance) write(n int) {
	var b strings.Builder
	fmt.Fprintf(&b, `lockstep: 1
version: "%d"
listen: {edge: {address: %q}}
admin: {address: %q}
recording: {dir: %q}
routes: [{key: [{header: X-Routing-Key}], unknown_key: {to: shared}}]
defaults:
  health: {get: /health, every: 500ms, timeout: 250ms}
  breaker: {consecutive_failures: 5, open: 500ms}
  limit: {in_flight: %d, guests: 100}
keys: {visa: visa, acme: acme}
placements:
`, n, strings.TrimPrefix(e.url, "http://"), strings.TrimPrefix(e.admin, "http://"), e.dir, 200+n%2*50)
	for i := 0; i < len(e.cells); i += 2 {
		more := "fallback: [shared]" // visa: failures are the client's to see
		switch e.cells[i].placement {
		case "acme":
			more += ", retries: {max: 2, budget: {percent: 20%, floor: 10}}"
		case "shared":
			more = "fallback: none, limit: {when_full: {queue: 100, wait: 200ms}}"
		}
		fmt.Fprintf(&b, "  %s: {%s, endpoints: {a: {url: %q, weight: %d%%}, b: {url: %q}}}\n",
			e.cells[i].placement, more, "http://"+e.cells[i].address, 50+n%2*50, "http://"+e.cells[i+1].address)
	}
	// Written aside and renamed, as a deploy tool does.
	if err := os.WriteFile(e.config+".new", []byte(b.String()), 0o644); err != nil {
		e.t.Error(err)
	}
	if err := os.Rename(e.config+".new", e.config); err != nil {
		e.t.Error(err)
	}
}

// pause waits for d; it is false when the run is over.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// crash kills one endpoint after the other, and starts it again after a third of a period.
func (e *endurance) crash(ctx context.Context) {
	program, _ := buildProgram()
	for i := 0; pause(ctx, e.period*2/3); i++ {
		c := e.cells[i%len(e.cells)]
		c.cmd.Process.Kill()
		c.cmd.Wait()
		e.deaths++
		pause(ctx, e.period/3)
		c.start(e.t, program)
	}
}

func (e *endurance) push(ctx context.Context) {
	for pause(ctx, e.period/2) {
		e.pushes++
		e.write(e.pushes)
	}
}

// replace upgrades after one and two thirds of the run.
func (e *endurance) replace(ctx context.Context) {
	for range 2 {
		if pause(ctx, endureFor(e.t)*3/10) {
			e.pid = e.upgrade(e.pid)
		}
	}
}

// steadyLoad sends endureRate requests a second, however long their answers take.
type steadyLoad struct {
	url    string
	client *http.Client
	sent   atomic.Int64

	mu     sync.Mutex
	failed map[string]int // status by request id
	lost   []string       // of requests without an answer
	late   time.Duration  // the most that a request was behind its time
}

func newSteadyLoad(url string) *steadyLoad {
	return &steadyLoad{
		url: url, failed: map[string]int{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 30 * time.Second},
	}
}

func (l *steadyLoad) run(ctx context.Context) {
	due := make(chan time.Time, 10*endureRate)
	var all sync.WaitGroup
	for range 256 {
		all.Go(func() {
			for at := range due {
				l.send(at)
			}
		})
	}
	begun := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		at := begun.Add(time.Duration(n) * time.Second / endureRate)
		if d := time.Until(at); d > time.Millisecond {
			time.Sleep(d)
		}
		due <- at
	}
	close(due)
	all.Wait()
	l.client.CloseIdleConnections()
}

func (l *steadyLoad) send(at time.Time) {
	late := time.Since(at)
	n := l.sent.Add(1)
	keys := [...]string{"visa", "acme", "somebody"}
	r, _ := http.NewRequest("GET", l.url+"/", nil)
	if n%5 == 0 { // http.Client sends this one never twice
		r, _ = http.NewRequest("POST", l.url+"/", io.MultiReader(strings.NewReader("a body"), strings.NewReader(" in two parts")))
	}
	r.Header.Set("X-Routing-Key", keys[n%3])
	res, err := l.client.Do(r)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = max(l.late, late)
	switch {
	case err != nil && res != nil: // a body that broke: its request is in the recording
		l.failed[res.Header.Get("X-Request-Id")] = res.StatusCode
	case err != nil:
		l.lost = append(l.lost, err.Error())
	case res.StatusCode >= 400:
		l.failed[res.Header.Get("X-Request-Id")] = res.StatusCode
	}
}

// explainAll replays every recording in dir and returns the reasons of the
// requests that failed, by id. A recording that does not replay fails the test.
func explainAll(t *testing.T, dir string, failed map[string]int) map[string]string {
	files, _ := filepath.Glob(filepath.Join(dir, "2*.lst"))
	why := map[string]string{}
	var events uint64
	for _, file := range files {
		x := explaining{failed: failed, why: why, flying: map[core.Handle]string{}}
		v := traces.NewVerifier(traces.Options{After: x.after})
		if _, err := replayFile(v, file, nil); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if r := v.Report(); !r.OK() || len(r.Gaps) > 0 {
			t.Errorf("%s does not replay: %d gaps, %v", filepath.Base(file), len(r.Gaps), r.Divergence)
		}
		events += v.Report().Facts
	}
	if len(files) < 3 {
		t.Errorf("%d recordings, want one of each process at least", len(files))
	}
	t.Logf("%d recordings with %d events replay identically", len(files), events)
	return why
}

type explaining struct {
	failed map[string]int
	why    map[string]string
	flying map[core.Handle]string
}

func (x *explaining) after(f *traces.Fact, _ *core.Router, decided []core.Decision) {
	ev := &f.Event
	if ev.Kind == core.Arrive && ev.Handle == (core.Handle{}) {
		x.arrived(traces.FormatRequestID(f.Request.ID), &decided[len(decided)-1])
	}
	for i := range decided { // of requests that waited
		if d := &decided[i]; d.Kind == core.Reject && x.flying[d.Handle] != "" {
			x.why[x.flying[d.Handle]] = d.Class.String()
			delete(x.flying, d.Handle)
		}
	}
	id, ok := x.flying[ev.Handle]
	if !ok || ev.Kind != core.Finish && ev.Kind != core.Reply {
		return
	}
	if n := len(decided); n > 0 && decided[n-1].Kind == core.Retry {
		d := &decided[n-1]
		delete(x.flying, ev.Handle)
		x.flying[d.Handle] = id
		return
	}
	class := ev.Class
	if class == core.ClassNone && ev.Status >= 500 {
		class = core.Upstream5xx
	}
	if class != core.ClassNone {
		x.why[id] = class.String()
	}
	if ev.Kind == core.Finish {
		delete(x.flying, ev.Handle)
	}
}

func (x *explaining) arrived(id string, d *core.Decision) {
	switch _, wanted := x.failed[id]; {
	case !wanted:
	case d.Kind == core.Reject:
		x.why[id] = d.Class.String()
	default:
		x.flying[d.Handle] = id
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// streamSize is how many bytes go through the router each way; GIB=10 for the whole proof.
func streamSize(t *testing.T) int64 {
	if n, err := strconv.ParseInt(os.Getenv("LOCKSTEP_STREAM_GIB"), 10, 64); err == nil && n > 0 {
		return n << 30
	}
	return 512 << 20
}

// residentMax is what a router may need of memory, whatever goes through it.
const residentMax = 64 << 20

// program is the router as a process of its own, so that its memory is its own.
type program struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
}

// startProgram builds the router and serves one placement.
func startProgram(t *testing.T, upstream, more string) *program {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "lockstep")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	config := filepath.Join(dir, "c.yaml")
	text := fmt.Sprintf("lockstep: 1\nplacements: {p: {endpoints: {a: {url: %q}}, health: none, %s}}\nroutes: [{unknown_key: {to: p}}]\n", upstream, more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, url: freeAddress(t)}
	p.cmd = exec.Command(binary, "serve", "-c", config, "--listen", p.url, "--dumps", dir, "--no-log")
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	for begin := time.Now(); time.Since(begin) < 20*time.Second; {
		if c, err := net.Dial("tcp", p.url); err == nil {
			c.Close()
			return p
		}
	}
	t.Fatal("the router does not listen")
	return nil
}

// memory is the most that the process has had in memory so far, in bytes.
func (p *program) memory() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return kib << 10
}

func (p *program) do(method string, body io.Reader) *http.Response {
	p.t.Helper()
	r, _ := http.NewRequest(method, "http://"+p.url+"/", body)
	r.Header.Set("X-Routing-Key", "k")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		p.t.Fatal(err)
	}
	return res
}

// zeros is a body of n bytes that counts what has been taken of it.
type zeros struct {
	left  int64
	taken atomic.Int64
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	z.left -= n
	z.taken.Add(n)
	return int(n), nil
}

func TestLargeBodiesPassBothWaysInLittleMemory(t *testing.T) {
	size := streamSize(t)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPost {
			fmt.Fprint(w, n, err)
			return
		}
		io.Copy(w, io.LimitReader(new(endless), size))
	}))
	defer upstream.Close()
	p := startProgram(t, upstream.URL, "timeouts: {request: 1h}")
	begin := time.Now()
	res := p.do("GET", nil)
	if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil {
		t.Fatalf("%d bytes came down: %v", n, err)
	}
	down := time.Since(begin)
	begin = time.Now()
	res = p.do("POST", &zeros{left: size})
	if answer, _ := io.ReadAll(res.Body); string(answer) != fmt.Sprint(size, error(nil)) {
		t.Fatalf("the upstream read %q", answer)
	}
	if most := p.memory(); most > residentMax {
		t.Errorf("%d MiB resident for %d MiB each way", most>>20, size>>20)
	}
	t.Logf("%d MiB down in %v, up in %v, at most %d MiB resident", size>>20, down.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), p.memory()>>20)
}

// endless is zeros without end.
type endless struct{}

func (*endless) Read(p []byte) (int, error) { return len(p), nil }

// inFlightMax is what may be on the way when nobody takes it: the sockets' and
// the router's buffers.
const inFlightMax = 32 << 20

func TestASlowReaderHoldsBackTheSender(t *testing.T) {
	const size = 512 << 20
	var sent atomic.Int64
	release := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // it does not read until it may
			<-release
			io.Copy(io.Discard, r.Body)
			return
		}
		b := make([]byte, 64<<10)
		for sent.Load() < size {
			n, err := w.Write(b)
			if err != nil {
				return
			}
			sent.Add(int64(n))
		}
	}))
	defer upstream.Close()
	p := startProgram(t, upstream.URL, "timeouts: {request: 1h, response_header: 1h, body_idle: 1h}")
	res := p.do("GET", nil)
	if n := settled(t, &sent); n > inFlightMax {
		t.Errorf("%d MiB were sent to a client that reads nothing", n>>20)
	}
	res.Body.Close()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	body := &zeros{left: size}
	done := make(chan error, 1)
	go func() {
		r, _ := http.NewRequestWithContext(ctx, "POST", "http://"+p.url+"/", body)
		r.Header.Set("X-Routing-Key", "k")
		res, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	if n := settled(t, &body.taken); n > inFlightMax {
		t.Errorf("%d MiB were taken for an upstream that reads nothing", n>>20)
	}
	close(release)
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if most := p.memory(); most > residentMax {
		t.Errorf("%d MiB resident", most>>20)
	}
}

// settled returns a counter's value when it has not grown for half a second.
func settled(t *testing.T, n *atomic.Int64) int64 {
	t.Helper()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for last := int64(-1); ; {
		<-tick.C
		now := n.Load()
		if now == last && now > 0 {
			return now
		}
		last = now
	}
}

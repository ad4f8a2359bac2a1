package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// programDir holds the program that buildProgram builds; TestMain removes it.
var programDir string

// TestMain makes the test binary a shim where a test of conform starts it as one,
// and removes what the tests built.
func TestMain(m *testing.M) {
	if as := os.Getenv(shimVariable); as != "" {
		os.Exit(serveShim(as, os.Stdin, os.Stdout))
	}
	code := m.Run()
	if programDir != "" {
		os.RemoveAll(programDir)
	}
	os.Exit(code)
}

// buildProgram builds the program once for all tests of real processes.
var buildProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "lockstep-program-")
	if err != nil {
		return "", err
	}
	programDir = dir
	path := filepath.Join(dir, "lockstep")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// process is a router that runs as a process of its own, and its successors.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	errs    errsFile
	url     string
	admin   string
	dir     string
	stopped chan error
	extra   []int // process ids of successors
}

// errsFile is where a process and its successors write what an operator should
// know: a file, since a pipe would break with the first of them.
type errsFile string

func (f errsFile) String() string {
	b, _ := os.ReadFile(string(f))
	return string(b)
}

// startProcess runs `lockstep serve` before one upstream.
func startProcess(t *testing.T, upstream string, args ...string) *process {
	t.Helper()
	return startEngine(t, "http1", upstream, args...)
}

func startEngine(t *testing.T, engine, upstream string, args ...string) *process {
	t.Helper()
	program, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, dir: t.TempDir(), stopped: make(chan error, 1)}
	listen, operators := freeAddress(t), freeAddress(t)
	p.url, p.admin = "http://"+listen, "http://"+operators
	text := fmt.Sprintf(`lockstep: 1
listen: {edge: {address: %q, http_engine: %s}}
admin: {address: %q}
recording: {dir: %q}
routes: [{key: [{header: X-Routing-Key}], unknown_key: {to: a}}]
placements:
  a: {endpoints: {x: {url: %q}}, health: none, breaker: {consecutive_failures: 3, open: 1h}, fallback: none}
  b: {endpoints: {x: {url: "http://127.0.0.1:1"}}, health: none, breaker: {consecutive_failures: 3, open: 1h}, fallback: none}
keys: {broken: b}
`, listen, engine, operators, p.dir, upstream)
	file := filepath.Join(p.dir, "c.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(program, append([]string{"serve", "-c", file, "--dumps", p.dir, "--no-log"}, args...)...)
	p.run()
	return p
}

func (p *process) run() {
	p.t.Helper()
	p.errs = errsFile(filepath.Join(p.dir, "stderr"))
	errs, err := os.Create(string(p.errs))
	if err != nil {
		p.t.Fatal(err)
	}
	defer errs.Close()
	p.cmd.Stderr = errs
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { p.stopped <- p.cmd.Wait() }()
	p.t.Cleanup(func() {
		p.cmd.Process.Kill()
		for _, pid := range p.extra {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if p.t.Failed() {
			p.t.Log(p.errs.String())
		}
	})
	p.until("serving", func() bool { code, _ := p.get(p.admin + "/readyz"); return code == 200 })
}

// until waits for what another process does: there is no clock to turn here.
func (p *process) until(what string, done func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain: %s\n%s", what, p.errs.String())
		}
	}
}

func (p *process) get(url string) (code int, body string) {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	r, _ := http.NewRequest("GET", url, nil)
	r.Header.Set("X-Routing-Key", "k")
	res, err := c.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

func (p *process) says(text string) bool { return strings.Contains(p.errs.String(), text) }

func (p *process) signal(pid int, s syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		p.t.Fatal(err)
	}
}

var successorLine = regexp.MustCompile(`successor=(\d+)`)

// upgrade asks the process pid for a successor and returns that one's id.
func (p *process) upgrade(pid int) int {
	p.t.Helper()
	before := len(successorLine.FindAllString(p.errs.String(), -1))
	p.signal(pid, syscall.SIGUSR2)
	p.until("an upgrade", func() bool { return len(successorLine.FindAllString(p.errs.String(), -1)) > before })
	all := successorLine.FindAllStringSubmatch(p.errs.String(), -1)
	next, _ := strconv.Atoi(all[len(all)-1][1])
	p.extra = append(p.extra, next)
	return next
}

// load sends requests from a few clients, each on a connection that it keeps,
// until ctx ends: GETs and POSTs with a body that http.Client does not repeat.
func (p *process) load(ctx context.Context, protocols *http.Protocols) (sent *atomic.Int64, failed chan string, wait func()) {
	sent, failed = new(atomic.Int64), make(chan string, 1000)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1, Protocols: protocols}, Timeout: 10 * time.Second}
			defer c.CloseIdleConnections()
			for n := 0; ctx.Err() == nil; n++ {
				r, _ := http.NewRequest("GET", p.url+"/", nil)
				if n%2 == 1 {
					r, _ = http.NewRequest("POST", p.url+"/", io.MultiReader(strings.NewReader("half"), strings.NewReader("body")))
				}
				r.Header.Set("X-Routing-Key", "k")
				res, err := c.Do(r)
				if err != nil {
					failed <- fmt.Sprintf("client %d, request %d: %v", i, n, err)
					continue
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 || string(body) != "ok" {
					failed <- fmt.Sprintf("client %d, request %d: %d %q %v", i, n, res.StatusCode, body, err)
				}
				sent.Add(1)
			}
		})
	}
	return sent, failed, all.Wait
}

func okUpstream(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "ok")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestTwoUpgradesUnderLoadFailNoRequestAndEveryRecordingReplays(t *testing.T) {
	var h1, h2 http.Protocols
	h1.SetHTTP1(true)
	h2.SetUnencryptedHTTP2(true)
	for _, c := range []struct {
		name, engine string
		protocols    *http.Protocols
	}{
		{"http1", "http1", &h1},
		{"net/http", "std", &h1},
		{"net/http, HTTP/2", "std", &h2},
		{"http1, HTTP/2", "http1", &h2},
	} {
		t.Run(c.name, func(t *testing.T) { upgradeTwice(t, c.engine, c.protocols) })
	}
}

func upgradeTwice(t *testing.T, engine string, protocols *http.Protocols) {
	p := startEngine(t, engine, okUpstream(t), "--drain", "4s")
	// What the first process learns of b, its successors know.
	broken := func() string {
		r, _ := http.NewRequest("GET", p.url+"/", nil)
		r.Header.Set("X-Routing-Key", "broken")
		c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.Status + " " + res.Header.Get("X-Circuit-State")
	}
	for range 3 {
		broken()
	}
	if got := broken(); got != "503 Service Unavailable open" {
		t.Fatalf("%s, want an open breaker", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	sent, failed, wait := p.load(ctx, protocols)
	more := func(n int64) {
		at := sent.Load()
		p.until("requests", func() bool { return sent.Load() > at+n })
	}
	pid := p.cmd.Process.Pid
	more(1000)
	for range 2 {
		next := p.upgrade(pid)
		if got := broken(); got != "503 Service Unavailable open" {
			t.Errorf("%s after the upgrade, want the breaker that the predecessor opened", got)
		}
		more(1000)
		p.until("the end of the predecessor", func() bool { return syscall.Kill(pid, 0) != nil || ended(pid) })
		pid = next
	}
	more(1000)
	stop()
	wait()
	close(failed)
	for f := range failed {
		t.Error(f)
	}
	p.signal(pid, syscall.SIGTERM)
	p.until("the end of the last", func() bool { return syscall.Kill(pid, 0) != nil || ended(pid) })
	t.Logf("%d requests over two upgrades", sent.Load())
	segments, _ := filepath.Glob(filepath.Join(p.dir, "2*.lst"))
	if len(segments) != 3 {
		t.Errorf("%d recordings, want one of each process: %v", len(segments), segments)
	}
	for _, s := range segments {
		var out, errs bytes.Buffer
		if code := run([]string{"replay", s}, &out, &errs); code != exitOK {
			t.Errorf("replaying %s: exit %d\n%s%s", filepath.Base(s), code, out.String(), errs.String())
		}
	}
}

func TestAnUpgradedConnectionOutlivesTheUpgradeInTheOldProcess(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(conn, buffered)
	}))
	defer s.Close()
	p := startProcess(t, s.URL, "--drain", "6s")
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\nX-Routing-Key: k\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", res, err)
	}
	say := func(text string) {
		t.Helper()
		io.WriteString(conn, text+"\n")
		if line, err := in.ReadString('\n'); err != nil || line != text+"\n" {
			t.Fatalf("the echo says %q, %v", line, err)
		}
	}
	say("before")
	p.upgrade(p.cmd.Process.Pid)
	say("after the upgrade")
	p.until("the drain", func() bool { return p.says("draining") })
	say("inside the drain")
	if len(p.stopped) > 0 {
		t.Error("the old process has ended, and a connection with it")
	}
	conn.Close()
	if err := <-p.stopped; err != nil {
		t.Errorf("the old process ended with %v", err)
	}
	if p.says("connections were cut") {
		t.Error("it says that it cut a connection, and it waited for it")
	}
}

// ended reports whether a process is a zombie: nobody waits for the successors of this test.
func ended(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}

func TestASuccessorThatCrashesLeavesTheOldProcessServing(t *testing.T) {
	p := startProcess(t, okUpstream(t), "--upgrade-to", "/bin/false")
	for i := range 2 { // the second shows that the first has not blocked anything
		p.signal(p.cmd.Process.Pid, syscall.SIGUSR2)
		p.until("a failed upgrade", func() bool {
			return strings.Count(p.errs.String(), "the upgrade failed; this process goes on serving") == i+1
		})
		if code, body := p.get(p.url + "/"); code != 200 {
			t.Errorf("%d %s after a failed upgrade", code, body)
		}
	}
}

func TestASuccessorWithABadConfigurationSaysWhyAndTheOldProcessServes(t *testing.T) {
	p := startProcess(t, okUpstream(t))
	if err := os.WriteFile(filepath.Join(p.dir, "c.yaml"), []byte("lockstep: 1\nnonsense: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.signal(p.cmd.Process.Pid, syscall.SIGUSR2)
	p.until("a failed upgrade", func() bool { return p.says("the upgrade failed") })
	if !p.says(`there is no setting named \"nonsense\" here`) {
		t.Error("the log does not say what is wrong with the configuration")
	}
	if code, body := p.get(p.url + "/"); code != 200 {
		t.Errorf("%d %s", code, body)
	}
}

func TestALameDuckServesAndIsNotReadyAndDoesNotUpgrade(t *testing.T) {
	p := startProcess(t, okUpstream(t), "--lame-duck", "3s", "--drain", "1s")
	p.signal(p.cmd.Process.Pid, syscall.SIGTERM)
	p.until("not ready", func() bool { code, _ := p.get(p.admin + "/readyz"); return code == 503 })
	r, _ := http.NewRequest("GET", p.url+"/", nil)
	r.Header.Set("X-Routing-Key", "k")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || !res.Close {
		t.Errorf("%d, connection closes: %v; want an answer that tells the client to go", res.StatusCode, res.Close)
	}
	if _, body := p.get(p.admin + "/readyz"); !strings.Contains(body, "about to drain") {
		t.Errorf("readyz says %q", body)
	}
	p.signal(p.cmd.Process.Pid, syscall.SIGUSR2)
	p.until("a refusal", func() bool { return p.says("no upgrade: the router is about to drain") })
	if err := <-p.stopped; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestAnUpgradeDuringADrainIsRefused(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	p := startProcess(t, s.URL, "--drain", "20s")
	answered := make(chan int, 1)
	go func() {
		code, _ := p.get(p.url + "/slow")
		answered <- code
	}()
	p.until("a request in flight", func() bool {
		_, m := p.get(p.admin + "/metrics")
		return strings.Contains(m, `lockstep_in_flight{placement="a"} 1`)
	})
	p.signal(p.cmd.Process.Pid, syscall.SIGTERM)
	p.until("draining", func() bool { _, body := p.get(p.admin + "/readyz"); return strings.Contains(body, "draining") })
	p.signal(p.cmd.Process.Pid, syscall.SIGUSR2)
	p.until("a refusal", func() bool { return p.says("no upgrade: the router is draining") })
	close(release)
	if code := <-answered; code != 200 {
		t.Errorf("the request in flight got %d", code)
	}
	if err := <-p.stopped; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestHangUpReadsTheFileAgain(t *testing.T) {
	p := startProcess(t, okUpstream(t))
	file := filepath.Join(p.dir, "c.yaml")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(old, "version: second\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	p.signal(p.cmd.Process.Pid, syscall.SIGHUP)
	p.until("the second version", func() bool {
		_, body := p.get(p.admin + "/debug/config")
		return strings.Contains(body, `"version":"second"`)
	})
}

func TestSystemdOpensTheSocketHearsOfTheLifeAndOfTheSuccessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	heard := make(chan string, 100)
	go func() {
		b := make([]byte, 1024)
		for {
			n, err := manager.Read(b)
			if err != nil {
				return
			}
			heard <- string(b[:n])
		}
	}()
	hear := func(want string) string {
		t.Helper()
		for {
			select {
			case got := <-heard:
				if strings.HasPrefix(got, want) {
					return got
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("systemd did not hear %s", want)
			}
		}
	}
	program, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	p := startActivated(t, program, okUpstream(t), "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=200000")
	hear("READY=1")
	hear("WATCHDOG=1")
	if code, body := p.get(p.url + "/"); code != 200 {
		t.Errorf("%d %s on the socket that systemd opened", code, body)
	}
	p.signal(p.cmd.Process.Pid, syscall.SIGHUP)
	hear("RELOADING=1\nMONOTONIC_USEC=")
	hear("READY=1")
	next := p.upgrade(p.cmd.Process.Pid)
	hear(fmt.Sprintf("MAINPID=%d", next))
	if err := <-p.stopped; err != nil {
		t.Errorf("the first process ended with %v", err)
	}
	hear("WATCHDOG=1") // the successor's
	if code, body := p.get(p.url + "/"); code != 200 {
		t.Errorf("%d %s after the upgrade", code, body)
	}
	p.signal(next, syscall.SIGTERM)
	hear("STOPPING=1")
}

// startActivated starts the program as systemd would, with a socket of another
// address than the file's.
func startActivated(t *testing.T, program, upstream string, env ...string) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	defer socket.Close()
	p := &process{t: t, dir: t.TempDir(), stopped: make(chan error, 1), url: "http://" + l.Addr().String()}
	operators := freeAddress(t)
	p.admin = "http://" + operators
	file := filepath.Join(p.dir, "c.yaml")
	text := fmt.Sprintf("lockstep: 1\nlisten: {edge: {address: \"127.0.0.1:1\"}}\nadmin: {address: %q}\nroutes: [{unknown_key: {to: a}}]\n"+
		"placements: {a: {endpoints: {x: {url: %q}}, health: none}}\n", operators, upstream)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, program, "serve", "-c", file, "--dumps", p.dir, "--no-log", "--drain", "2s")
	p.cmd.Env = append(os.Environ(), append(env, "LISTEN_FDS=1", "LISTEN_FDNAMES=edge")...)
	p.cmd.ExtraFiles = []*os.File{socket}
	p.run()
	return p
}

func TestABindThatFailsIsFatalAndSaysWhichListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "c.yaml")
	for _, c := range []struct{ text, want string }{
		{"listen: {edge: {address: %q}}\n", `listener "edge" cannot listen on `},
		{"listen: {edge: {address: \"127.0.0.1:0\"}}\nadmin: {address: %q}\n", "the admin listener cannot listen on "},
	} {
		text := "lockstep: 1\n" + fmt.Sprintf(c.text, l.Addr().String()) + "routes: [{unknown_key: {to: a}}]\nplacements: {a: {endpoints: {x: {url: \"http://127.0.0.1:1\"}}}}\n"
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		err := runServe(t.Context(), serveOptions{config: file}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want+l.Addr().String()+": the port is taken") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

package parity

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Router is one running router, whichever program it is.
type Router interface {
	// start runs it before a configuration file; it returns when the router is ready.
	start(o starting)
	// addr and admin are where it listens, as host:port.
	addr() string
	admin() string
	// signal sends a signal to the process that serves.
	signal(s syscall.Signal)
	// logs are the lines of its access log so far, oldest first.
	logs() []map[string]any
	// said is what it wrote for operators.
	said() string
	// stop ends it and returns the segments of its recording.
	stop() []string
}

// starting is how a router is started.
type starting struct {
	config string   // path of the file; "" for none
	args   []string // further flags
	env    []string // further environment
	bare   bool     // no flags but args: the environment says the rest
	early  bool     // ready is not waited for, only a process that answers
}

// process is a Router that is a process of its own.
type process struct {
	t       testing.TB
	program *program
	dir     string
	listen  string
	watch   string
	o       starting
	cmd     *exec.Cmd
	ended   chan error
	pid     int
	extra   []int // successors
	down    bool
}

// newRouter prepares a router of that program with a folder of its own.
func newRouter(t testing.TB, p *program, dir string) *process {
	t.Helper()
	return &process{t: t, program: p, dir: dir}
}

func (p *process) addr() string  { return p.listen }
func (p *process) admin() string { return p.watch }

func (p *process) file(name string) string { return filepath.Join(p.dir, name) }

func (p *process) start(o starting) {
	p.t.Helper()
	p.o = o
	if p.listen == "" {
		p.listen, p.watch = reserve(p.t), reserve(p.t)
	}
	p.launch(o)
	if !p.comesUp(o) {
		p.t.Fatalf("%s does not start with %s:\n%s", p.program.name, o.config, p.said())
	}
}

// launch starts a process that takes the present addresses.
func (p *process) launch(o starting) {
	p.t.Helper()
	args := []string{"serve"}
	if !o.bare {
		args = append(args, "--listen", p.listen, "--record", p.file("rec"))
		if o.config != "" {
			args = append(args, "-c", o.config)
		}
	}
	args = append(append(args, "--admin", p.watch), p.program.flags(p.dir)...)
	p.cmd = exec.Command(p.program.path, append(args, o.args...)...)
	p.cmd.Dir = p.dir
	for _, e := range o.env {
		p.cmd.Env = append(p.cmd.Env, strings.ReplaceAll(e, "{port}", p.listen[strings.LastIndex(p.listen, ":")+1:]))
	}
	p.cmd.Env = append(append(os.Environ(), "TMPDIR="+p.dir), p.cmd.Env...)
	p.run(p.cmd)
	p.pid, p.ended = p.cmd.Process.Pid, make(chan error, 1)
	go func(c *exec.Cmd, ended chan error) { ended <- c.Wait() }(p.cmd, p.ended)
	p.t.Cleanup(p.kill)
}

// run starts a command with the files that gather what it says.
func (p *process) run(c *exec.Cmd) {
	p.t.Helper()
	for name, f := range map[string]*io.Writer{"out": &c.Stdout, "err": &c.Stderr} {
		file, err := os.OpenFile(p.file(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			p.t.Fatal(err)
		}
		defer file.Close()
		*f = file
	}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// refuses starts a router that must not serve, and holds what it says of why.
func (r *run) refuses(o starting, d *difference) {
	r.t.Helper()
	p := r.router
	p.o, p.listen, p.watch = o, reserve(r.t), reserve(r.t)
	p.launch(o)
	p.down = true
	select {
	case err := <-p.ended:
		if err == nil || !strings.Contains(p.said(), d.got) {
			r.t.Errorf("%s ended with %v and said %q, want %q", p.program.name, err, p.said(), d.got)
		}
	case <-time.After(patience):
		r.t.Errorf("%s serves, and the table of differences says that it refuses: %s", p.program.name, d.got)
	}
}

// comesUp waits until the router is ready; false if it ended instead.
func (p *process) comesUp(o starting) bool {
	p.t.Helper()
	path := "/readyz"
	if o.early {
		path = "/healthz"
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pause) {
		if code, _ := fetch("http://" + p.watch + path); code == http.StatusOK && !refusesDial(p.listen) {
			return true
		}
		if len(p.ended) > 0 {
			return false
		}
	}
	p.t.Errorf("%s is not ready after %v", p.program.name, patience)
	return false
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := syscall.Kill(p.pid, s); err != nil {
		p.t.Fatalf("signal %v: %v", s, err)
	}
}

func (p *process) said() string {
	b, _ := os.ReadFile(p.file("err"))
	return string(b)
}

func (p *process) logs() (lines []map[string]any) {
	b, _ := os.ReadFile(p.file("out"))
	for text := range strings.Lines(string(b)) {
		var line map[string]any
		if strings.HasSuffix(text, "\n") && json.Unmarshal([]byte(text), &line) == nil {
			lines = append(lines, line)
		}
	}
	return lines
}

// stop tells the process that serves to end, and waits until none is left.
func (p *process) stop() []string {
	p.t.Helper()
	if !p.down {
		p.signal(syscall.SIGTERM)
		p.wait()
	}
	return p.segments()
}

// wait returns when the process that serves has ended.
func (p *process) wait() {
	p.t.Helper()
	p.down = true
	if p.pid != p.cmd.Process.Pid {
		until(p.t, "the end of the successor", func() bool { return gone(p.pid) })
		return
	}
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("%s ended with %v:\n%s", p.program.name, err, p.said())
		}
	case <-time.After(patience):
		p.t.Errorf("%s does not end %v after SIGTERM:\n%s", p.program.name, patience, p.said())
	}
}

// segments are the files of the recording.
func (p *process) segments() []string {
	all, err := filepath.Glob(p.file("rec/*.lst"))
	if err != nil {
		p.t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// kill ends whatever is left of the processes that this test started.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	for _, pid := range p.extra {
		if !gone(pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// gone reports whether a process has ended; nobody waits for a successor, so it may be a zombie.
func gone(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(b), ") Z ")
}

const (
	patience = 20 * time.Second
	pause    = 3 * time.Millisecond
)

// until waits for what another process does: there is no clock to turn here.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(pause) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// fetch gets a page of the admin listener; code is 0 where nobody answers.
func fetch(url string) (code int, body string) {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	res, err := c.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(b)
}

//go:build peers

package http1_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep/adapters/http1"
)

// The comparison with nginx and HAProxy. It needs both programs:
//
//	apt-get install nginx-light haproxy
//	go test -tags peers -run Peers ./adapters/http1 -peers-write
//
// The flag puts the table into the README.
var write = flag.Bool("peers-write", false, "put the table into README.md")

const quiet = 300 * time.Millisecond // without a byte, and it is taken that none will come

// peer is a proxy in front of an origin of its own.
type peer struct {
	name, version, address string
	origin                 *origin
}

// result is what came of a case.
type result struct {
	statuses string
	seen     int
	smuggled bool // the origin saw what the case hides
}

func TestPeersOnTheHygieneSuite(t *testing.T) {
	peers := []*peer{startOurs(t), startNginx(t), startHAProxy(t)}
	cases := hygieneCases()
	results := make([][]result, len(peers))
	var all sync.WaitGroup
	for i, p := range peers {
		results[i] = make([]result, len(cases))
		all.Go(func() {
			for j, c := range cases {
				results[i][j] = p.play(t, c.raw)
			}
		})
	}
	all.Wait()
	table := peerTable(peers, cases, results)
	t.Log("\n" + table)
	if *write {
		putTable(t, table)
	}
	for j, c := range cases {
		if results[0][j].seen != c.seen {
			t.Errorf("%s: over a real socket our origin saw %d requests, want %d", c.name, results[0][j].seen, c.seen)
		}
	}
}

// play sends a case on a connection of its own.
func (p *peer) play(t *testing.T, raw string) result {
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Errorf("%s: %v", p.name, err)
		return result{}
	}
	defer c.Close()
	go io.WriteString(c, raw)
	var answer strings.Builder
	open := false
	for buf := make([]byte, 16<<10); ; {
		c.SetReadDeadline(time.Now().Add(quiet))
		n, err := c.Read(buf)
		answer.Write(buf[:n])
		if err != nil {
			var timeout net.Error
			timeout, open = err.(net.Error)
			open = open && timeout.Timeout()
			break
		}
	}
	c.Close()
	time.Sleep(5 * time.Millisecond) // for the origin, which may see it later than we see the answer
	seen := p.origin.take()
	r := result{statuses: strings.Join(statusesOf(answer.String()), " "), seen: len(seen)}
	if r.statuses == "" {
		r.statuses = "closed"
		if open {
			r.statuses = "waits"
		}
	}
	for _, s := range seen {
		r.smuggled = r.smuggled || strings.Contains(s, "smuggled")
	}
	return r
}

func startOrigin(t *testing.T) (*origin, string) {
	o := new(origin)
	l := listen(t)
	s := &http.Server{Handler: o, DisableGeneralOptionsHandler: true}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return o, l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func startOurs(t *testing.T) *peer {
	o, address := startOrigin(t)
	s := router(t, address, nil, func(*http1.Refusal) {})
	l := listen(t)
	go s.Serve(l)
	return &peer{"ours", "", l.Addr().String(), o}
}

func startNginx(t *testing.T) *peer {
	return startProgram(t, "nginx", "nginx-light", `
daemon off; pid DIR/pid; error_log DIR/log; worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path DIR/b; proxy_temp_path DIR/p; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
  server {
    listen ADDRESS;
    location / { proxy_pass http://ORIGIN; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`, []string{"-v"}, "-c", "FILE", "-p", "DIR")
}

func startHAProxy(t *testing.T) *peer {
	return startProgram(t, "haproxy", "haproxy", `
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout http-request 10s
frontend f
  bind ADDRESS
  default_backend b
backend b
  server s ORIGIN
`, []string{"-v"}, "-f", "FILE", "-db")
}

// startProgram starts a proxy on a free port with a configuration in which the
// words in capitals are filled in.
func startProgram(t *testing.T, program, pkg, config string, version []string, args ...string) *peer {
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + program)
	}
	if err != nil {
		t.Fatalf("%s is not installed, and this comparison is nothing without it: apt-get install %s", program, pkg)
	}
	o, origin := startOrigin(t)
	free := listen(t)
	address := free.Addr().String()
	free.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "conf")
	fill := strings.NewReplacer("DIR", dir, "ADDRESS", address, "ORIGIN", origin, "FILE", file)
	if err := os.WriteFile(file, []byte(fill.Replace(config)), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range args {
		args[i] = fill.Replace(args[i])
	}
	said, _ := exec.Command(path, version...).CombinedOutput()
	ctx, cancel := context.WithCancel(context.Background())
	c := exec.CommandContext(ctx, path, args...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) } // nginx's worker outlives a master that is killed
	c.WaitDelay = 10 * time.Second
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		c.Wait()
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s was ended, and something of it still listens on %s", program, address)
		}
	})
	for range 100 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return &peer{program, strings.SplitN(string(said), "\n", 2)[0], address, o}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not listen on %s", program, address)
	return nil
}

func peerTable(peers []*peer, cases []hygieneCase, results [][]result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cases; %s; %s. A cell is the statuses of the answers and, after the slash, how many whole\nrequests the origin saw; **bold** where it saw a request that the case hides and we refused.\n\n", len(cases), peers[1].version, peers[2].version)
	b.WriteString("| case | ours | reason | nginx | HAProxy |\n|---|---|---|---|---|\n")
	var differ, hidden [3]int
	for j, c := range cases {
		reason := strings.TrimPrefix(c.want, "ok")
		fmt.Fprintf(&b, "| %s | %s | %s |", strings.ReplaceAll(c.name, "|", "\\|"), cell(results[0][j], false), reason)
		for i := range peers[1:] {
			r := results[i+1][j]
			bold := r.smuggled && !results[0][j].smuggled
			fmt.Fprintf(&b, " %s |", cell(r, bold))
			if r.seen > results[0][j].seen {
				differ[i+1]++
			}
			if bold {
				hidden[i+1]++
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\nThe origin behind nginx saw more requests than the one behind us in %d cases, behind HAProxy in %d; a request that the case\nhides reached it in %d and %d.\n", differ[1], differ[2], hidden[1], hidden[2])
	return b.String()
}

func cell(r result, bold bool) string {
	s := fmt.Sprintf("%s / %d", r.statuses, r.seen)
	if bold {
		return "**" + s + "**"
	}
	return s
}

// putTable puts the table between its marks in the README.
func putTable(t *testing.T, table string) {
	const begin, end = "<!-- peers -->\n", "<!-- end of peers -->"
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("README.md has no marks for the table")
	}
	if err := os.WriteFile("README.md", []byte(before+begin+table+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// bench is where one measurement runs.
type bench struct {
	dir     string // of this peer alone
	listen  string // where the proxy is to listen
	origin  string
	threads int
	self    string // this program
	router  string // lockstep
	pingora string // router-pingora
}

// peer is one proxy under test.
type peer struct {
	name    string
	why     string // what its row stands for
	version func(b *bench) ([]string, error)
	argv    func(b *bench) ([]string, error) // writes its configuration into b.dir
}

// peers are in the order of the table. Each writes a line of log for each request, to a file; ours also record every
// decision. Each keeps connections to the origin.
var peers = []peer{
	{name: "none", why: "the origin alone: what the generator and the origin cost", version: nil, argv: nil},
	{
		name: "nginx", why: "Debian's, one worker a core",
		version: func(*bench) ([]string, error) { return []string{"nginx", "-v"}, nil },
		argv: func(b *bench) ([]string, error) {
			file, err := b.write("nginx.conf", nginxConf, b.threads, b.dir, b.dir, b.origin, b.listen)
			return []string{"nginx", "-p", b.dir, "-c", file}, err
		},
	},
	{
		name: "haproxy", why: "Debian's, one thread a core",
		version: func(*bench) ([]string, error) { return []string{"haproxy", "-v"}, nil },
		argv: func(b *bench) ([]string, error) {
			file, err := b.write("haproxy.cfg", haproxyCfg, b.threads, b.listen, b.origin)
			return []string{"haproxy", "-f", file}, err
		},
	},
	{
		name: "reverseproxy", why: "net/http/httputil, pool made large enough, a line of log",
		version: func(*bench) ([]string, error) { return []string{"go", "version"}, nil },
		argv: func(b *bench) ([]string, error) {
			return []string{b.self, "reverse-proxy", "--listen", b.listen, "--origin", b.origin}, nil
		},
	},
	{
		name: "lockstep", why: "Go, every decision recorded",
		version: func(b *bench) ([]string, error) { return []string{b.router, "--version"}, nil },
		argv:    func(b *bench) ([]string, error) { return b.lockstep(b.router) },
	},
	{
		name: "router-pingora", why: "Rust on Pingora, every decision recorded",
		version: func(b *bench) ([]string, error) { return []string{b.pingora, "--version"}, nil },
		argv: func(b *bench) ([]string, error) {
			argv, err := b.lockstep(b.pingora)
			return append(argv, "--threads", fmt.Sprint(b.threads)), err
		},
	},
}

// lockstep is how either of our routers starts: the baseline's form, which both read.
func (b *bench) lockstep(program string) ([]string, error) {
	file, err := b.write("routing.json", routingJSON, b.origin)
	return []string{program, "serve", "-c", file, "--listen", b.listen, "--record", filepath.Join(b.dir, "rec")}, err
}

func (b *bench) write(name, format string, values ...any) (string, error) {
	file := filepath.Join(b.dir, name)
	return file, os.WriteFile(file, fmt.Appendf(nil, format, values...), 0o600)
}

// versionOf is the first line that the peer says of itself.
func (p *peer) versionOf(b *bench) string {
	if p.version == nil {
		return ""
	}
	argv, err := p.version(b)
	if err != nil {
		return err.Error()
	}
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return first
}

const routingJSON = `{"version": "bench", "routingTable": {"acme": "cell"}, "defaultPlacement": "cell",
 "placements": {"cell": {"url": "http://%s", "health_check": {"path": "/health", "interval": "10s", "timeout": "2s"}}}}
`

const nginxConf = `daemon off;
worker_processes %d;
pid %s/nginx.pid;
error_log stderr warn;
events { worker_connections 16384; }
http {
  access_log %s/access.log combined buffer=64k;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  keepalive_requests 1000000000; keepalive_timeout 300s;
  upstream origin { server %s; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen %s backlog=4096;
    location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`

const haproxyCfg = `global
  nbthread %d
  maxconn 8000
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  timeout connect 5s
  timeout client 300s
  timeout server 30s
frontend edge
  bind %s
  default_backend origin
backend origin
  http-reuse always
  server o %s
`

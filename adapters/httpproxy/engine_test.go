package httpproxy_test

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"

	"lockstep/adapters/http1"
)

// engine is an HTTP server that the handler runs in.
type engine struct {
	name  string
	serve func(l net.Listener, h http.Handler) (stop func() error)
}

// engines are those that a router may run on: every test of the handler holds
// on each.
var engines = []engine{
	{"http1", func(l net.Listener, h http.Handler) func() error {
		s := http1.New(h, http1.Options{IdleTimeout: -1}) // as net/http's: tests may sleep for just as long as the default
		go s.Serve(l)
		return s.Close
	}},
	{"net/http", func(l net.Listener, h http.Handler) func() error {
		s := &http.Server{Handler: h}
		go s.Serve(l)
		return s.Close
	}},
}

// under is the engine of this run of the tests.
var under = engines[0]

// TestMain makes the test binary a proxy when BenchmarkProxy starts it as one,
// and else runs all tests once on each engine.
func TestMain(m *testing.M) {
	if kind := os.Getenv("BENCH_PROXY"); kind != "" {
		runProxy(kind, os.Getenv("BENCH_UPSTREAM"))
		return
	}
	flag.Parse()
	code := 0
	for _, under = range engines {
		if failed := m.Run(); failed != 0 {
			fmt.Fprintf(os.Stderr, "the tests above failed on the engine %s\n", under.name)
			code = failed
		}
		if bench := flag.Lookup("test.bench"); bench.Value.String() != "" {
			break // a benchmark names its engines itself
		}
	}
	os.Exit(code)
}

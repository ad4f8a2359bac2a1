package httpproxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"lockstep/adapters/driver"
	"lockstep/adapters/flightrec"
	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// BenchmarkProxy compares the CPU time of a request through Handler, log and
// recording to a disk on, with one through httputil.ReverseProxy, in turns. Each
// proxy is a process of its own, so that its CPU time is its own: the client
// and the upstream are here. Figures are medians over the rounds; the ratio is
// the one to watch. Ours runs on package http1, as lockstep serve does by default,
// and once more on net/http's server, as ReverseProxy does.
func BenchmarkProxy(b *testing.B) {
	body := []byte(strings.Repeat("x", 1024))
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) }))
	defer upstream.Close()
	plain, ours := startProxy(b, "plain", upstream.URL), startProxy(b, "http1", upstream.URL)
	onStd := startProxy(b, "std", upstream.URL)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var plainCost, oursCost, stdCost, ratio []float64
	b.ResetTimer()
	for b.Loop() { // one loop is a round of all
		const n = 1600
		base, mine := costOf(b, client, plain, n), costOf(b, client, ours, n)
		stdCost = append(stdCost, costOf(b, client, onStd, n))
		plainCost, oursCost, ratio = append(plainCost, base), append(oursCost, mine), append(ratio, mine/base)
	}
	b.ReportMetric(median(plainCost), "plain-us/req")
	b.ReportMetric(median(oursCost), "ours-us/req")
	b.ReportMetric(median(stdCost), "ours-on-std-us/req")
	b.ReportMetric(median(ratio), "ratio")
	b.ReportMetric(0, "ns/op")
}

// runProxy serves until its standard input ends, and tells its CPU time at /cpu.
func runProxy(kind, upstream string) {
	proxy, stop := reverseProxy(upstream), func() {}
	if kind != "plain" {
		proxy, stop = benchHandler(upstream)
	}
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	serve := engines[1].serve
	if kind == "http1" {
		serve = engines[0].serve
	}
	end := serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cpu" {
			fmt.Fprint(w, ownCPU())
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer end()
	fmt.Println("http://" + l.Addr().String())
	io.Copy(io.Discard, os.Stdin)
}

// startProxy starts this binary as a proxy and returns its URL.
func startProxy(b *testing.B, kind, upstream string) string {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "BENCH_PROXY="+kind, "BENCH_UPSTREAM="+upstream)
	in, _ := c.StdinPipe()
	out, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); c.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// costOf is the CPU time in us that a proxy needs for one of n requests.
func costOf(b *testing.B, client *http.Client, proxy string, n int) float64 {
	at := func() (ns float64) {
		res, err := client.Get(proxy + "/cpu")
		if err != nil {
			b.Fatal(err)
		}
		defer res.Body.Close()
		fmt.Fscan(res.Body, &ns)
		return ns
	}
	begin := at()
	requests(b, client, proxy, n)
	return (at() - begin) / float64(n) / 1000
}

// ownCPU is the CPU time of this process, user and system, in ns.
func ownCPU() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

func reverseProxy(target string) http.Handler {
	u, _ := url.Parse(target)
	p := httputil.NewSingleHostReverseProxy(u)
	p.Transport = &http.Transport{MaxIdleConnsPerHost: 4096, DisableCompression: true}
	p.BufferPool = make(bufferPool, 128)
	return p
}

// bufferPool spares ReverseProxy a buffer per request, as a careful user would.
type bufferPool chan []byte

// Get implements httputil.BufferPool.
func (p bufferPool) Get() []byte {
	select {
	case b := <-p:
		return b
	default:
		return make([]byte, 32<<10)
	}
}

// Put implements httputil.BufferPool.
func (p bufferPool) Put(b []byte) {
	select {
	case p <- b:
	default:
	}
}

func benchHandler(target string) (http.Handler, func()) {
	config, err := core.Compile(core.Spec{
		Version: "1", Default: "visa",
		Placements: []core.PlacementSpec{{Name: "visa", Health: core.HealthSpec{Off: true}, Endpoints: []core.EndpointSpec{{URL: target}}}},
	})
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "bench-proxy-")
	if err != nil {
		panic(err)
	}
	recorder, err := flightrec.New(flightrec.Options{Dir: dir})
	if err != nil {
		panic(err)
	}
	d := driver.New(driver.Options{Observer: recorder})
	d.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
	d.Run(context.Background())
	log := httpproxy.NewAccessLog(io.Discard)
	return httpproxy.NewHandler(d, httpproxy.Options{Log: log}), func() {
		d.Close()
		recorder.Close()
		log.Close()
		os.RemoveAll(dir)
	}
}

// requests sends n requests from 16 clients.
func requests(b *testing.B, client *http.Client, url string, n int) {
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range n / 16 {
				r, _ := http.NewRequest("GET", url, nil)
				r.Header.Set("X-Routing-Key", "visa")
				res, err := client.Do(r)
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		})
	}
	all.Wait()
}

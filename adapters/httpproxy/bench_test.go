package httpproxy_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// BenchmarkProxy compares the CPU time of a request through Handler, log on,
// with one through httputil.ReverseProxy: same client, same upstream, same
// process, in turns. The client and the upstream are in both figures, which
// draws the ratio towards 1; "net" takes them away, as measured without a proxy.
func BenchmarkProxy(b *testing.B) {
	body := []byte(strings.Repeat("x", 1024))
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) }))
	defer upstream.Close()
	plain := httptest.NewServer(reverseProxy(upstream.URL))
	defer plain.Close()
	handler, stop := benchHandler(b, upstream.URL)
	defer stop()
	ours := httptest.NewServer(handler)
	defer ours.Close()

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	load := func(url string, n int) float64 { return cpuOf(func() { requests(b, client, url, n) }) / float64(n) }
	var direct, base, mine float64
	b.ResetTimer()
	for b.Loop() { // one loop is a round of all three
		const n = 4000
		direct += load(upstream.URL, n)
		base += load(plain.URL, n)
		mine += load(ours.URL, n)
	}
	rounds := float64(b.N)
	b.ReportMetric(base/rounds/1000, "plain-us/req")
	b.ReportMetric(mine/rounds/1000, "ours-us/req")
	b.ReportMetric(mine/base, "gross-ratio")
	b.ReportMetric((mine-direct)/(base-direct), "net-ratio")
	b.ReportMetric(0, "ns/op")
}

func reverseProxy(target string) http.Handler {
	u, _ := url.Parse(target)
	p := httputil.NewSingleHostReverseProxy(u)
	p.Transport = &http.Transport{MaxIdleConnsPerHost: 4096, DisableCompression: true}
	p.BufferPool = &bufferPool{sync.Pool{New: func() any { return make([]byte, 32<<10) }}}
	return p
}

type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte  { return p.pool.Get().([]byte) }
func (p *bufferPool) Put(b []byte) { p.pool.Put(b) }

func benchHandler(b *testing.B, target string) (*httpproxy.Handler, func()) {
	config, err := core.Compile(core.Spec{
		Version: "1", Default: "visa",
		Placements: []core.PlacementSpec{{Name: "visa", Health: core.HealthSpec{Off: true}, Endpoints: []core.EndpointSpec{{URL: target}}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	d := driver.New(driver.Options{})
	d.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
	d.Run(context.Background())
	log := httpproxy.NewAccessLog(io.Discard)
	return httpproxy.NewHandler(d, httpproxy.Options{Log: log}), func() { d.Close(); log.Close() }
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

// cpuOf is the CPU time that f takes, user and system, in ns.
func cpuOf(f func()) float64 {
	at := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begin := at()
	f()
	return float64(at() - begin)
}

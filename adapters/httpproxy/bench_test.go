package httpproxy_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/flightrec"
	"lockstep/adapters/httpproxy"
	"lockstep/core"
)

// BenchmarkProxy compares the CPU time of a request through Handler, log and
// recording to a disk on, with one through httputil.ReverseProxy: same client,
// same upstream, same process, in turns. The client and the upstream are in
// both figures, which draws the gross ratio towards 1; the net one takes away
// what a request costs without a proxy. Ratios are medians over the rounds.
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
	var plainCost, oursCost, gross, net []float64
	b.ResetTimer()
	for b.Loop() { // one loop is a round of all three
		const n = 1600
		direct, base, mine := load(upstream.URL, n), load(plain.URL, n), load(ours.URL, n)
		plainCost, oursCost = append(plainCost, base/1000), append(oursCost, mine/1000)
		gross, net = append(gross, mine/base), append(net, (mine-direct)/(base-direct))
	}
	b.ReportMetric(median(plainCost), "plain-us/req")
	b.ReportMetric(median(oursCost), "ours-us/req")
	b.ReportMetric(median(gross), "gross-ratio")
	b.ReportMetric(median(net), "net-ratio")
	b.ReportMetric(0, "ns/op")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
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
	recorder, err := flightrec.New(flightrec.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	d := driver.New(driver.Options{Observer: recorder})
	d.Adopt(config, core.Epoch{}, core.OriginFile, core.FaultNone)
	d.Run(context.Background())
	log := httpproxy.NewAccessLog(io.Discard)
	return httpproxy.NewHandler(d, httpproxy.Options{Log: log}), func() { d.Close(); recorder.Close(); log.Close() }
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

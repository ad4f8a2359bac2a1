package upstream_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"lockstep/adapters/settings"
	"lockstep/adapters/upstream"
)

// tripper is what both clients are measured as.
type tripper interface {
	RoundTrip(*http.Request) (*http.Response, error)
}

// ours is Pool.RoundTrip with a call for each request.
type ours struct{ c *client }

// RoundTrip implements tripper.
func (o ours) RoundTrip(r *http.Request) (*http.Response, error) {
	return o.c.pool().RoundTrip(o.c.call(), r)
}

// BenchmarkClient compares the CPU time of a request by Pool.RoundTrip with one
// by http.Transport, in turns, against a server in the same process: its share
// is in both. Figures are medians over the rounds.
func BenchmarkClient(b *testing.B) {
	a := newAuthority(b)
	ca := file(b, b.TempDir(), "ca.pem", a.pem)
	answer := []byte(strings.Repeat("x", 1024))
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Write(answer)
	})
	plain, secure := httptest.NewServer(serve), secureServer(b, a, serve, "http/1.1")
	defer plain.Close()
	for _, row := range []struct {
		name, url, body string
		u               settings.Upstream
	}{
		{"plain/GET", plain.URL, "", settings.Upstream{}},
		{"plain/POST", plain.URL, strings.Repeat("y", 1024), settings.Upstream{}},
		{"TLS/GET", secure.URL, "", settings.Upstream{TLS: &settings.TLS{CA: ca}}},
	} {
		b.Run(row.name, func(b *testing.B) {
			std := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, TLSClientConfig: &tls.Config{RootCAs: a.pool()}}
			own := ours{newClient(b, upstream.Options{}, row.url, row.u)}
			var theirs, mine []float64
			for b.Loop() { // one loop is a round of both
				theirs = append(theirs, cpuOf(b, std, row.url, row.body))
				mine = append(mine, cpuOf(b, own, row.url, row.body))
			}
			b.ReportMetric(middle(theirs), "std-us/req")
			b.ReportMetric(middle(mine), "ours-us/req")
			b.ReportMetric(middle(mine)/middle(theirs), "ratio")
			b.ReportMetric(0, "ns/op")
			std.CloseIdleConnections()
		})
	}
}

// cpuOf is the CPU time of this process for one of 3,200 requests by 16 clients.
func cpuOf(b *testing.B, t tripper, url, body string) float64 {
	const each, clients = 200, 16
	begin := processCPU()
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				r, _ := http.NewRequest("GET", url, nil)
				if body != "" {
					r, _ = http.NewRequest("POST", url, strings.NewReader(body))
				}
				res, err := t.RoundTrip(r)
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
	return float64(processCPU()-begin) / each / clients / 1000
}

func processCPU() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func middle(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// BenchmarkHandshake is the time of a TLS connection to an endpoint, request
// included, with session resumption and without.
func BenchmarkHandshake(b *testing.B) {
	a := newAuthority(b)
	ca := file(b, b.TempDir(), "ca.pem", a.pem)
	for _, tickets := range []bool{true, false} {
		name := "full"
		if tickets {
			name = "resumed"
		}
		b.Run(name, func(b *testing.B) {
			address := secureTickets(b, a, tickets)
			c := newClient(b, upstream.Options{}, "https://"+address, settings.Upstream{TLS: &settings.TLS{CA: ca}})
			c.get("")
			var took []float64
			for b.Loop() {
				begin := processCPU()
				if _, _, err := c.get(""); err != nil {
					b.Fatal(err)
				}
				took = append(took, float64(processCPU()-begin)/1000)
			}
			b.ReportMetric(middle(took), "cpu-us/conn")
		})
	}
}

// secureTickets is an endpoint that ends each connection after one request.
func secureTickets(b *testing.B, a *authority, tickets bool) string {
	return secure(b, &tls.Config{Certificates: []tls.Certificate{a.pair("e.test")}, SessionTicketsDisabled: !tickets})
}

//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// cell is one cell of the table: a peer under one load.
type cell struct {
	Peer  string
	Cores int
	Rate  int // requests a second, 0 for saturation
}

// sample is what one round saw of a cell.
type sample struct {
	cell
	Round     int
	PerSecond float64
	Failed    int
	P50       float64 // us
	P99       float64
	P999      float64
	Late      float64 // us, 99th percentile of how late the generator itself was
	CPU       float64 // us of the proxy's processor time a request, 0 without a proxy
	PeakRSS   float64 // MiB
}

// method is how a run measures.
type method struct {
	conns int
	size  int
	warm  time.Duration
	last  time.Duration
	idle  int // connections, for the memory of an idle one
}

// cores says which cores the proxy, and the generator with the origin, run on.
func (c *cell) cores() (proxy, load string) {
	if c.Cores == 1 {
		return "0", "1"
	}
	return "", "" // both share all cores of a machine with two: the figures say what a machine holds, not a proxy
}

// measure starts the peer, loads it once and stops it.
func (m *method) measure(b bench, p *peer, c cell, originAddr string) (sample, error) {
	s := sample{cell: c}
	addr := originAddr
	var proxy *process
	var before time.Duration
	if p.argv != nil {
		var err error
		if proxy, addr, err = b.begin(p, c); err != nil {
			return s, err
		}
		defer proxy.stop()
		if _, err := runLoad(m.plan(addr, c.Rate, m.warm)); err != nil {
			return s, err
		}
		if before, err = proxy.cpu(); err != nil {
			return s, err
		}
	}
	r, err := runLoad(m.plan(addr, c.Rate, m.last))
	if err != nil {
		return s, fmt.Errorf("loading %s: %w", p.name, err)
	}
	s.fill(&r)
	if proxy == nil {
		return s, nil
	}
	after, err := proxy.cpu()
	if err != nil {
		return s, err
	}
	_, peak, err := proxy.memory()
	s.PeakRSS = float64(peak) / 1024
	s.CPU = float64((after - before).Microseconds()) / float64(max(r.answered+r.failed, 1))
	return s, err
}

func (m *method) plan(addr string, rate int, last time.Duration) plan {
	return plan{addr: addr, path: "/v1/orders", key: "acme", conns: m.conns, rate: rate, last: last}
}

func (s *sample) fill(r *result) {
	us := func(d time.Duration) float64 { return float64(d) / 1e3 }
	s.PerSecond, s.Failed, s.Late = r.perSecond(), r.failed, us(r.late)
	s.P50, s.P99, s.P999 = us(quantile(r.latencies, 0.5)), us(quantile(r.latencies, 0.99)), us(quantile(r.latencies, 0.999))
}

// begin starts p in a folder of its own.
func (b bench) begin(p *peer, c cell) (*process, string, error) {
	b.threads = c.Cores
	dir, err := os.MkdirTemp(b.dir, p.name+"-")
	if err != nil {
		return nil, "", err
	}
	b.dir = dir
	argv, err := p.argv(&b)
	if err != nil {
		return nil, "", err
	}
	cores, _ := c.cores()
	proc, err := start(b.dir, p.name, cores, b.listen, argv)
	return proc, b.listen, err
}

// idleMemory is the KiB of resident memory that one more idle connection, on which one request was answered, costs. The
// first few pay for what a program sets up once, and do not count.
func (m *method) idleMemory(b bench, p *peer) (float64, error) {
	proxy, addr, err := b.begin(p, cell{Peer: p.name, Cores: 1})
	if err != nil {
		return 0, err
	}
	defer proxy.stop()
	var rss [2]int64
	for i, n := range [2]int{m.idle/10 + 1, m.idle} {
		held, err := holdIdle(addr, n)
		if err != nil {
			return 0, err
		}
		defer held.closeAll()
		time.Sleep(settle) // what a peer frees soon after a request is not the price of idling
		if rss[i], _, err = proxy.memory(); err != nil {
			return 0, err
		}
	}
	return float64(rss[1]-rss[0]) / float64(m.idle), nil
}

// settle is how long idle connections rest before their memory is read.
const settle = 2 * time.Second

// holdIdle opens n connections, has one request answered on each, one after the other, and keeps them.
func holdIdle(addr string, n int) (*load, error) {
	poll, err := newPoller()
	if err != nil {
		return nil, err
	}
	l := &load{plan: plan{addr: addr}, poll: poll, buffer: make([]byte, 256<<10), clients: map[int32]*client{}}
	for range n {
		if err := l.open(); err != nil {
			l.closeAll()
			return nil, fmt.Errorf("%w (idle connections need file descriptors: see ulimit -n)", err)
		}
	}
	request := fmt.Appendf(nil, "GET /v1/orders HTTP/1.1\r\nHost: bench\r\nX-Routing-Key: acme\r\n\r\n")
	for _, c := range l.free {
		if err := ask(c, request, l.buffer); err != nil {
			l.closeAll()
			return nil, err
		}
	}
	return l, nil
}

// removeOld empties the folder of a peer's round: recordings are large.
func removeOld(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "*-*"))
	if err != nil {
		return err
	}
	for _, o := range old {
		if err := os.RemoveAll(o); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"lockstep/traces/say"
)

// demoTenants are whose requests the demo's load is made of, and how many of
// twenty each sends, spread evenly.
func demoTenants() []string {
	shares := []struct {
		key string
		n   int
	}{{"visa", 8}, {"acme", 4}, {"globex", 4}, {"initech", 2}, {"hooli", 1}, {"umbrella", 1}}
	var order []string
	for _, s := range shares {
		for i := range s.n {
			at := (2*i + 1) * len(order) / (2 * s.n) // between those that are there
			order = slices.Insert(order, min(at+i, len(order)), s.key)
		}
	}
	return order
}

// mostWaiting bounds the requests of the load that wait for an answer.
const mostWaiting = 1000

// load sends requests of several tenants at an even rate, whether or not they
// are answered in time, as clients who do not know of each other do.
type load struct {
	url    string
	rate   int // a second
	client *http.Client

	mu      sync.Mutex
	sent    int
	skipped int         // because too many were waiting
	answers map[int]int // by status, 0 for none
}

func newLoad(router, rate int) *load {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.MaxIdleConns = mostWaiting, mostWaiting
	return &load{
		url: "http://" + local(router) + "/", rate: rate, answers: map[int]int{},
		client: &http.Client{Transport: transport, Timeout: 30 * time.Second},
	}
}

// run sends until ctx ends, and returns when all have their answers.
func (l *load) run(ctx context.Context) {
	var waiting sync.WaitGroup
	defer l.client.CloseIdleConnections()
	defer waiting.Wait()
	slots := make(chan struct{}, mostWaiting)
	tenants := demoTenants()
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		timer.Reset(time.Until(begin.Add(time.Duration(n) * time.Second / time.Duration(l.rate))))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		select {
		case slots <- struct{}{}:
		default:
			l.count(func() { l.skipped++ })
			continue
		}
		waiting.Go(func() {
			defer func() { <-slots }()
			l.send(context.WithoutCancel(ctx), tenants[n%len(tenants)])
		})
	}
}

func (l *load) send(ctx context.Context, key string) {
	status := 0
	defer func() { l.count(func() { l.sent++; l.answers[status]++ }) }()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return
	}
	r.Header.Set("X-Routing-Key", key)
	res, err := l.client.Do(r)
	if err != nil {
		return
	}
	defer res.Body.Close()
	status = res.StatusCode
	_, _ = io.Copy(io.Discard, res.Body) // a body that is cut off was answered all the same
}

func (l *load) count(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

// String says what was sent and how it was answered.
func (l *load) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(l.answers)) {
		name := fmt.Sprint(status)
		if status == 0 {
			name = "no answer"
		}
		parts = append(parts, fmt.Sprintf("%s: %s", name, say.Count(uint64(l.answers[status]))))
	}
	s := fmt.Sprintf("%s requests sent; %s", say.Count(uint64(l.sent)), strings.Join(parts, ", "))
	if l.skipped > 0 {
		s += fmt.Sprintf("; %s were due and not sent, because %d were waiting", say.Count(uint64(l.skipped)), mostWaiting)
	}
	return s
}

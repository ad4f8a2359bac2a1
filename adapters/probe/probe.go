package probe

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"lockstep/adapters/driver"
	"lockstep/core"
)

// DefaultLimit is how many probes run at once unless told otherwise.
const DefaultLimit = 1024

// Options are what a Prober is made with.
type Options struct {
	// Report takes each result: driver.Driver's Probed. Not nil.
	Report func(endpoint int32, token uint32, ok bool)
	// Transport sends the probes; nil means HTTP/1.1 without keep-alive, so
	// that a probe also tests whether a connection can be made.
	Transport http.RoundTripper
	// Limit is how many probes run at once; 0 means DefaultLimit. Those beyond
	// wait; one that waits longer than its guard (1 s) counts as failed, so the
	// limit must be above the number of endpoints that may hang at one time.
	Limit int
}

// Prober sends probes. Register Sink with Driver.Handle.
type Prober struct {
	o       Options
	slots   chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New returns a prober. Close it after its driver.
func New(o Options) *Prober {
	if o.Transport == nil {
		o.Transport = &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	p := &Prober{o: o, slots: make(chan struct{}, o.Limit)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// Sink starts a probe for a Probe decision and ignores every other. It does
// not block: core never has more than one probe of an endpoint out, which
// bounds the goroutines that wait.
func (p *Prober) Sink(x driver.Delivery) {
	if x.Kind != core.Probe || x.PlacementIndex < 0 {
		return
	}
	health := x.Config.Placement(x.PlacementIndex).Health
	url := strings.TrimSuffix(x.URL, "/") + health.Path
	p.running.Go(func() {
		select {
		case p.slots <- struct{}{}:
		case <-p.ctx.Done():
			return
		}
		ok := p.get(url, time.Duration(health.Timeout))
		<-p.slots
		if p.ctx.Err() == nil {
			p.o.Report(x.Endpoint, x.Token, ok)
		}
	})
}

// Close abandons what is under way, without reports, and waits for its end.
func (p *Prober) Close() {
	p.cancel()
	p.running.Wait()
}

// get reports whether url answers 2xx in time. It asks the transport, not a
// client, so redirects are not followed: one is not a healthy answer.
func (p *Prober) get(url string, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	req.Header.Set("User-Agent", "lockstep-health")
	res, err := p.o.Transport.RoundTrip(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close() // the status is the answer; the connection is not reused
	return res.StatusCode >= 200 && res.StatusCode <= 299
}

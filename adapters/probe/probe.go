package probe

import (
	"context"
	"sync"
	"time"

	"lockstep/adapters/driver"
	"lockstep/adapters/upstream"
	"lockstep/core"
)

// DefaultLimit is how many probes run at once unless told otherwise.
const DefaultLimit = 1024

// Options are what a Prober is made with.
type Options struct {
	// Report takes each result: driver.Driver's Probed. Not nil.
	Report func(endpoint int32, token uint32, ok bool)
	// Check asks an endpoint how it is and returns nil for healthy; nil means
	// upstream.Set's over std's dialer.
	Check func(ctx context.Context, id upstream.Identity, c *core.Config, placement int) error
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
	if o.Check == nil {
		o.Check = upstream.New(upstream.Options{}).Check
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
	timeout := time.Duration(x.Config.Placement(x.PlacementIndex).Health.Timeout)
	p.running.Go(func() {
		select {
		case p.slots <- struct{}{}:
		case <-p.ctx.Done():
			return
		}
		ok := p.healthy(x.Target, timeout)
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

// healthy reports whether an endpoint says so in time.
func (p *Prober) healthy(x *driver.Target, timeout time.Duration) bool {
	ctx, cancel := context.WithTimeout(p.ctx, timeout)
	defer cancel()
	return p.o.Check(ctx, upstream.Identity{Placement: x.PlacementName, URL: x.URL}, x.Config, x.PlacementIndex) == nil
}

package driver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/clock"

	"lockstep/adapters/realclock"
	"lockstep/core"
	"lockstep/core/loop"
)

// Options are what a Driver is made with. The zero value is usable.
type Options struct {
	// Seed of the router's randomness.
	Seed uint64
	// Clock is read once per event and arms the one timer; nil means the real one.
	Clock clock.Clock
	// Observer sees every recorded step under the lock; nil means none. New
	// starts one that is a Recorder.
	Observer loop.Observer
	// InFlight is how many attempts in flight fit before a request has to
	// allocate; 0 means 1024. More are served all the same.
	InFlight int
	// Router is a state to go on with, that of a predecessor after Succeed; nil
	// begins a new one, with Seed. The driver owns it from then on.
	Router *core.Router
	// Origin is the wall time of core.Time 0; it counts only with a Router.
	Origin time.Time
}

// Recorder is an Observer that also reads the router, for snapshots.
type Recorder interface {
	loop.Observer
	// Start is called once, before the first event. r may be read only inside
	// Observe or while holding lock. origin is the wall time of core.Time 0.
	Start(r *core.Router, lock sync.Locker, origin time.Time)
}

// Driver is one router in production: the lock, the clock, the loop and the
// recorder around one core.Router. All methods may be called from any
// goroutine, except Handle, which comes before Run.
type Driver struct {
	clock   *realclock.Clock
	inForce atomic.Pointer[inForce]
	sinks   []func(Delivery)
	pending chan struct{} // holds one token while the queue may hold something
	stop    chan struct{}
	stopped sync.Once
	running sync.WaitGroup

	mu      sync.Mutex
	loop    *loop.Loop
	arrival core.Event   // these four are reused, so that no event is allocated
	request loop.Request // of arrival
	finish  core.Event
	event   core.Event // of any other kind
	waiters []*waiter  // by slot, of requests that wait
	queue   queue
	targets *targets
}

// inForce is what a request is matched under before it takes the lock.
type inForce struct {
	config *core.Config
	epoch  core.Epoch
}

// New returns a driver without a configuration: it refuses every request as
// not_ready until Adopt (R13). The trace's origin is now. With Options.Router it
// goes on where that state ended.
func New(o Options) *Driver {
	if o.Clock == nil {
		o.Clock = clock.New()
	}
	if o.InFlight == 0 {
		o.InFlight = 1024
	}
	r, at := o.Router, (*realclock.Clock)(nil)
	if r == nil {
		r, at = core.New(core.Options{Seed: o.Seed}), realclock.New(o.Clock)
	} else {
		at = realclock.Since(o.Clock, o.Origin, r.Now())
	}
	d := &Driver{
		clock:   at,
		pending: make(chan struct{}, 1),
		stop:    make(chan struct{}),
	}
	d.inForce.Store(&inForce{r.Config(), r.Epoch()})
	r.Reserve(nil, o.InFlight)
	if rec, ok := o.Observer.(Recorder); ok {
		rec.Start(r, &d.mu, d.clock.Origin())
	}
	d.targets = newTargets(r)
	d.mu.Lock() // a timer of the state that it goes on from may be due at once, and asks for the loop
	defer d.mu.Unlock()
	d.loop = loop.New(r, d.clock, (*transport)(d), o.Observer, d.wake)
	return d
}

// Handle registers a sink for everything that is decided and that no caller
// waits for: probes, aborts, idle connections to close, notes. Sinks are
// called one after the other, outside the lock, in the order of the decisions;
// a sink that blocks delays the others but never a request. Call it before Run.
func (d *Driver) Handle(sink func(Delivery)) { d.sinks = append(d.sinks, sink) }

// Run starts the goroutine that calls the sinks, and returns. It ends with ctx
// or Close, after handing over what was decided before.
func (d *Driver) Run(ctx context.Context) {
	d.running.Go(func() { d.deliver(ctx) })
}

// Close stops the timer and waits until the sinks have been handed what was
// decided before. Events are still accepted, but nothing fires by itself any
// more and sinks are not called. The observer is its owner's to close.
func (d *Driver) Close() {
	d.mu.Lock()
	d.loop.Stop()
	d.mu.Unlock()
	d.stopped.Do(func() { close(d.stop) })
	d.running.Wait()
}

// Now returns the time since the trace's origin.
func (d *Driver) Now() core.Time { return d.clock.Now() }

// Origin returns the wall-clock time of the trace's origin, core.Time 0.
func (d *Driver) Origin() time.Time { return d.clock.Origin() }

// Config returns the configuration in force and its epoch, nil and zero before
// the first. It takes no lock.
func (d *Driver) Config() (*core.Config, core.Epoch) {
	f := d.inForce.Load()
	return f.config, f.epoch
}

// View calls f with the router under the lock: f must only read, be short, and
// keep nothing that belongs to the router.
func (d *Driver) View(f func(*core.Router)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d.loop.Router())
}

// Digest returns the hash of the router's whole state.
func (d *Driver) Digest() (digest uint64) {
	d.View(func(r *core.Router) { digest = r.Digest() })
	return digest
}

// wake is the timer's callback.
func (d *Driver) wake() {
	d.mu.Lock()
	d.loop.Wake()
	d.mu.Unlock()
}

package driver

import (
	"lockstep/core"
)

// Arrival is what the edge knows of a request when it asks where to send it.
type Arrival struct {
	Key        string      // routing key as the client sent it; empty is refused as no_key
	ID         [2]uint64   // 128-bit request id, high half first
	Source     uint8       // which of the route's key sources gave the key, from 0
	Method     core.Method // class of the method
	Length     int64       // bytes of body, -1 unknown
	Replayable bool        // the body could be sent again
	Priority   uint8       // criticality, 0 is the most critical
	// Via is the route, Split the hash of who stays on one side of a split (0: the
	// request), and Refuse what the edge found wrong (core.Class.ByEdge). With Key
	// and Source they are what Resolver says anew of each configuration.
	Via    uint16
	Split  uint64
	Refuse core.Class
	Prefer uint64 // identity of the endpoint that the client's sticky cookie names, 0 for none (R10)
	// Resolver, if not nil, is asked before the lock for the six above and Priority, and again
	// if a configuration was adopted meanwhile.
	Resolver Resolver
}

// Resolver says which route and key a request has under a configuration, which
// is nil before the first.
type Resolver interface {
	Resolve(c *core.Config) Resolved
}

// Resolved is what a Resolver says; the fields are those of Arrival.
type Resolved struct {
	Key    string
	Split  uint64
	Via    uint16
	Source uint8
	Refuse core.Class
	Prefer uint64
	// Priority is how critical it is: 0 the most.
	Priority uint8
}

// Admission answers an Arrival: Kind is Forward, Reject, or Queued, which must
// be followed by Await.
type Admission struct {
	core.Decision
	*Target // never nil
	// Again says of a Forward that it may be tried again (R11): it should end with
	// End, and a response of 500 and above be asked about with Ask.
	Again bool
	// Why says of what End or Ask return without a Retry why none follows (R11).
	Why core.RetryWhy
	// InQueue is how long of the wait that Await ended was spent in a queue (R5); what else
	// it took was back-off.
	InQueue core.Duration
	Step    uint64     // of the recording, from 1, that decided it
	InForce core.Epoch // under which it was decided; zero before the first configuration
}

// Delivery is a decision that nobody waits for.
type Delivery struct {
	core.Decision
	*Target // never nil
}

// Arrive decides one request. A Forward must be followed by exactly one Finish
// with its Handle. It allocates nothing.
func (d *Driver) Arrive(a Arrival) (out Admission) {
	id := core.RequestHash(a.ID[0], a.ID[1])
	f, route := d.match(&a, id)
	d.mu.Lock()
	for a.Resolver != nil && f.epoch != d.loop.Router().Epoch() {
		d.mu.Unlock() // a push came between: to resolve may take long, so not under the lock
		f, route = d.match(&a, id)
		d.mu.Lock()
	}
	ev := &d.arrival // field by field: it is half the cost of a fresh Event
	ev.Kind, ev.Route, ev.Epoch, ev.Request = core.Arrive, route, f.epoch, id
	ev.Method, ev.Source, ev.Priority = a.Method, a.Source, a.Priority
	ev.Via, ev.Split, ev.Prefer = a.Via, a.Split, a.Prefer
	ev.Length, ev.Replayable = a.Length, a.Replayable
	d.request.Key, d.request.ID = a.Key, a.ID
	out.Decision = *d.loop.Arrive(ev, &d.request)
	out.Target, out.Step, out.InForce = d.targets.of(&out.Decision), d.loop.Steps(), ev.Epoch
	switch out.Kind {
	case core.Queued:
		d.expect(&out.Decision)
	case core.Forward:
		out.Again = d.loop.Router().MayComeAgain(out.Handle)
	}
	d.mu.Unlock()
	return out
}

// match works out an arrival's route before the lock: it may hash a long key.
func (d *Driver) match(a *Arrival, id uint64) (f *inForce, route core.Route) {
	f = d.inForce.Load()
	if a.Resolver != nil {
		r := a.Resolver.Resolve(f.config)
		a.Key, a.Source, a.Via, a.Split, a.Refuse = r.Key, r.Source, r.Via, r.Split, r.Refuse
		a.Priority, a.Prefer = r.Priority, r.Prefer
	}
	switch {
	case a.Refuse != core.ClassNone:
		route = core.Route{Placement: -1, Refuse: a.Refuse}
	case f.config != nil:
		split := a.Split
		if split == 0 {
			split = id
		}
		route, _ = f.config.MatchVia(a.Via, a.Key, split)
	case a.Key == "":
		route.Refuse = core.NoKey
	}
	return f, route
}

// Reply reports a response whose body still flows settle after its headers
// came. Most requests end before and need only Finish.
func (d *Driver) Reply(h core.Handle, status uint16) {
	d.apply(core.Event{Kind: core.Reply, Handle: h, Status: status})
}

// Finish ends an attempt that is not to be tried again; End is for one that may
// be. class is ClassNone for a completed response, whose
// status decides then; sent says whether any of the request reached the upstream.
func (d *Driver) Finish(h core.Handle, class core.Class, status uint16, sent bool) {
	d.mu.Lock()
	ev := &d.finish
	ev.Kind, ev.Handle, ev.Class, ev.Status, ev.Sent = core.Finish, h, class, status, sent
	ev.Replayable, ev.RetryAfter = false, 0
	d.loop.Apply(ev)
	d.mu.Unlock()
}

// Probed reports an active probe: endpoint and token are those of its Probe decision.
func (d *Driver) Probed(endpoint int32, token uint32, ok bool) {
	d.apply(core.Event{Kind: core.Probed, Endpoint: endpoint, Token: token, OK: ok})
}

// Control notes that the control plane went up or down. It changes no decision (R13).
func (d *Driver) Control(up bool) { d.apply(core.Event{Kind: core.Control, OK: up}) }

// Drain stops admitting (R14). What is still in flight at deadline gets an Abort.
func (d *Driver) Drain(deadline core.Time) {
	d.apply(core.Event{Kind: core.Drain, Deadline: deadline})
}

// Adopt offers a configuration and returns Ack or Nack (R12). The zero epoch
// is for a peer without epochs. With a fault, c may be nil: the push is refused
// and recorded.
func (d *Driver) Adopt(c *core.Config, epoch core.Epoch, origin core.Origin, fault core.Fault) core.Decision {
	return d.adopt(core.Event{Kind: core.Adopt, Config: c, Epoch: epoch, Origin: origin, Fault: fault})
}

// AdoptDeliberate is Adopt for what a control plane pushed and its operator
// marked deliberate: no push guard refuses it (R13).
func (d *Driver) AdoptDeliberate(c *core.Config, epoch core.Epoch) core.Decision {
	return d.adopt(core.Event{Kind: core.Adopt, Config: c, Epoch: epoch, Origin: core.OriginControl, Deliberate: true})
}

func (d *Driver) adopt(ev core.Event) core.Decision {
	c := ev.Config
	if old, _ := d.Config(); old != nil && c != nil && ev.Origin == core.OriginControl && !ev.Deliberate && old.Guards().On() {
		ev.Change = core.Compare(old, c) // before the lock: a million keys take longer than a request may wait
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.loop.Router()
	if c != nil {
		r.Reserve(c, 0)
		d.queue.reserve(2*r.Endpoints() + c.Endpoints()) // closed, retired, probed
	}
	d.event = ev
	answer := d.loop.Adopt(&d.event)
	d.event.Change = nil // it holds on to the configuration before
	if f := d.inForce.Load(); f.config != r.Config() || f.epoch != r.Epoch() {
		d.inForce.Store(&inForce{r.Config(), r.Epoch()})
		d.targets = newTargets(r)
	}
	d.matchAgain()
	return answer
}

func (d *Driver) apply(ev core.Event) {
	d.mu.Lock()
	d.event = ev
	d.loop.Apply(&d.event)
	d.mu.Unlock()
}

package conform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"lockstep/core"
	"lockstep/core/loop"
	"lockstep/traces"
)

// Case is the inputs of one router as a story that can lose parts: an event names
// the event that made its handle, not the number of it, so that what stays still
// means the same when something before it is gone.
type Case struct {
	Header   traces.Header
	snapshot []byte       // the state at the start; nil: a new router
	start    *core.Config // in force there
	first    uint64       // number of the first step
	inputs   []input
}

// input is one event.
type input struct {
	id      int
	at      core.Time
	ev      core.Event
	req     loop.Request
	of      int     // id of the input that made ev.Handle, 0: it is meant as it stands
	current bool    // its epoch is the one in force, whichever that is
	probe   probeID // which active probe it reports; zero: token and endpoint are meant as they stand
}

// probeID names an active probe whatever its token and number.
type probeID struct {
	endpoint uint64
	at       core.Time
	again    int // so many were sent at that time before it: at the end of time it stands still
}

// ReadCase reads the inputs of a trace up to a step, 0 for all, as decided by Go's
// core. Of a trace with gaps it is what follows the last gap before that step.
func ReadCase(trace []byte, upTo uint64) (*Case, error) {
	rd, err := traces.NewReader(bytes.NewReader(trace))
	if err != nil {
		return nil, err
	}
	c := &Case{Header: rd.Header()}
	var r *core.Router
	var seen handles
	next := uint64(0)
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		switch it.Kind {
		case traces.ItemBlock:
			if it.Block.Joins(next) {
				continue
			}
			if upTo > 0 && it.Block.Step > upTo {
				return c, nil
			}
			if r, err = c.restart(it.Block, rd); err != nil {
				return nil, err
			}
			seen, next = newHandles(), it.Block.Step
		case traces.ItemFact:
			if upTo > 0 && it.Fact.Step > upTo {
				return c, nil
			}
			next++
			c.inputs = append(c.inputs, seen.learn(r, it.Fact, len(c.inputs)+1))
		}
	}
}

// restart begins the case anew at a block that carries its state.
func (c *Case) restart(b *traces.BlockHead, rd *traces.Reader) (*core.Router, error) {
	digest, seed, err := core.SnapshotConfig(b.Snapshot)
	if err != nil {
		return nil, err
	}
	c.start, c.first, c.inputs = rd.Config(digest), b.Step, nil
	c.snapshot, c.Header.Seed = slices.Clone(b.Snapshot), seed
	r, err := core.Restore(b.Snapshot, c.start, false)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(c.snapshot, core.New(core.Options{Seed: seed}).Snapshot(nil)) {
		c.snapshot = nil
	}
	return r, nil
}

// handles is what the events of a case have made so far.
type handles struct {
	made   map[core.Handle]int // by input
	probes map[probeID]probe
	ids    map[probe]probeID
	out    []core.Decision
}

// probe is what a Probed says of itself.
type probe struct {
	number int32
	token  uint32
}

func newHandles() handles {
	return handles{made: map[core.Handle]int{}, probes: map[probeID]probe{}, ids: map[probe]probeID{}}
}

// learn makes the step of a recorded fact and says what its event means.
func (h *handles) learn(r *core.Router, f *traces.Fact, id int) input {
	in := input{id: id, at: f.Time, ev: f.Event, req: f.Request}
	in.ev.Route = core.Route{Refuse: f.Event.Route.Refuse}
	if !in.ev.Route.Refuse.ByEdge() {
		in.ev.Route.Refuse = core.ClassNone
	}
	in.of = h.made[f.Event.Handle]
	in.current = f.Event.Kind == core.Arrive && f.Event.Epoch == r.Epoch()
	if f.Event.Kind == core.Probed {
		in.probe = h.ids[probe{f.Event.Endpoint, f.Event.Token}]
	}
	ev := in.ev
	h.step(r, in.at, &ev, &in.req)
	h.book(r, id)
	return in
}

// step makes a step as a shim has to.
func (h *handles) step(r *core.Router, at core.Time, ev *core.Event, req *loop.Request) {
	if ev.Kind == core.Arrive {
		ev.Request = core.RequestHash(req.ID[0], req.ID[1])
		ev.Route = traces.RouteOf(r.Config(), req.Key, ev)
	}
	h.out = r.Step(at, ev, h.out[:0])
}

// book keeps what the step of input id made.
func (h *handles) book(r *core.Router, id int) {
	for i := range h.out {
		switch d := &h.out[i]; d.Kind {
		case core.Forward, core.Queued, core.Retry:
			if h.made[d.Handle] == 0 {
				h.made[d.Handle] = id
			}
		case core.Probe:
			id := probeID{endpoint: r.Identity(d.Endpoint), at: d.At}
			for h.probes[id] != (probe{}) {
				id.again++
			}
			h.probes[id], h.ids[probe{d.Endpoint, d.Token}] = probe{d.Endpoint, d.Token}, id
		}
	}
}

// Steps returns how many events the case has.
func (c *Case) Steps() int { return len(c.inputs) }

// Ask runs the case on Go's core and returns it as a question, with a mark after
// every step and the last state whole.
func (c *Case) Ask() (q Question, err error) {
	r := core.New(core.Options{Seed: c.Header.Seed})
	if c.snapshot != nil {
		if r, err = core.Restore(c.snapshot, c.start, false); err != nil {
			return q, fmt.Errorf("asking a case: %w", err)
		}
	}
	out := traces.NewQuestion(c.Header, r, max(c.first, 1))
	seen := newHandles()
	of := map[int]core.Handle{}
	for i := range c.inputs {
		in := &c.inputs[i]
		ev := in.event(r, of, seen.probes)
		known := len(seen.made)
		seen.step(r, in.at, &ev, &in.req)
		seen.book(r, in.id)
		if len(seen.made) > known {
			of[in.id] = lastMade(seen.out)
		}
		out.Observe(r.Now(), &ev, &in.req, seen.out)
		out.Mark()
	}
	out.Join()
	q = Question{Name: c.Header.Name, Events: len(c.inputs), Bugs: r.Counters().Bugs}
	q.Inputs, q.Answer = out.Close()
	return q, nil
}

// lastMade is the handle that a step made: its event's own decision comes last.
func lastMade(out []core.Decision) core.Handle {
	for i := len(out) - 1; i >= 0; i-- {
		switch out[i].Kind {
		case core.Forward, core.Queued, core.Retry:
			return out[i].Handle
		}
	}
	return core.Handle{}
}

// event is the input as it is now, when what it names may have other numbers.
func (in *input) event(r *core.Router, of map[int]core.Handle, probes map[probeID]probe) core.Event {
	ev := in.ev
	if h, ok := of[in.of]; ok {
		ev.Handle = h
	}
	if in.current {
		ev.Epoch = r.Epoch()
	}
	if p, ok := probes[in.probe]; ok {
		ev.Endpoint, ev.Token = p.number, p.token
	}
	return ev
}

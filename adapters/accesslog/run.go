package accesslog

import (
	"errors"
	"io"
	"time"

	"lockstep/core"
	"lockstep/core/loop"
)

// Feed is what Import and Compare have in common: a log, and the configuration
// under which its requests are decided.
type Feed struct {
	Input
	Order Order
	// Config decides. Import makes one of the log if it is nil.
	Config *core.Config
	// Keys are sources of the routing key that go before those of Config, each as
	// in the native form: "header: X-Tenant".
	Keys []string
	// Listener is by which listener of Config the requests came; "" where it has none.
	Listener string
	// Maps say what upstreams of the log are in Config: "upstream=placement" or
	// "upstream=placement/endpoint".
	Maps []string
	// Seed of the router's randomness.
	Seed uint64
	// Progress is told now and then how many requests have been decided; nil means nobody.
	Progress func(requests uint64)
}

// Read is what was read, and in which order it stands.
type Read struct {
	Stats
	Files       []string      `json:"files"` // in the order in which they were read
	First       time.Time     `json:"first"` // arrival of the first request
	Last        time.Time     `json:"last"`
	Resolution  time.Duration `json:"clock_step_ns"` // of the log's times
	NoDuration  int           `json:"without_duration"`
	NoKey       int           `json:"without_key"`
	NoUpstream  int           `json:"without_upstream"` // the format has no place for it
	Late        Late          `json:"late"`
	Spread      int           `json:"spread_over_their_second"`
	Outcomes    Outcomes      `json:"attempts"`
	EndIsLogged bool          `json:"end_is_logged"` // arrival was computed: end minus duration
}

// pass is one reading of a log.
type pass struct {
	feed     *Feed
	order    *sorter
	resolver *resolver
	targets  *targets
	machine  *machine
	groups   bool // the name of the group of servers stands for a key that is missing
	read     Read
	origin   int64
}

// newPass opens the log.
func newPass(f *Feed) (*pass, error) {
	p := &pass{feed: f}
	var err error
	if p.targets, err = newTargets(f.Config, f.Maps); err != nil {
		return nil, err
	}
	if p.resolver, err = newResolver(f.Config, f.Keys, f.Listener); err != nil {
		return nil, err
	}
	in, err := newReader(f.Input)
	if err != nil {
		p.resolver.close()
		return nil, err
	}
	p.order = newSorter(in, f.Order)
	return p, nil
}

func (p *pass) close() {
	p.resolver.close()
	p.order.in.close()
}

// run decides every request. observe is asked for an observer of the router,
// with the wall time of its time 0, before the first; done is told of each
// request that is over, whose entry it must not keep.
func (p *pass) run(observe func(r *core.Router, origin int64) loop.Observer, done func(*flight)) error {
	for seq := uint64(1); ; seq++ {
		e, err := p.order.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if p.machine == nil {
			p.start(e, observe, done)
		}
		if e.Server != "" {
			p.machine.notice(core.Time(e.Arrival-p.origin), e)
			p.order.release(e)
			continue
		}
		how := p.resolver.find(e)
		if e.unread() {
			how.refuse = e.Class
		}
		if how.key == "" && p.groups {
			how.key, how.refuse = groupOf(e), core.ClassNone
		}
		p.count(e, &how)
		p.machine.admit(core.Time(e.Arrival-p.origin), e, how, seq)
		if seq%progressEvery == 0 && p.feed.Progress != nil {
			p.feed.Progress(seq)
		}
	}
	if p.machine == nil {
		return errEmpty
	}
	p.machine.drain()
	p.finish()
	return nil
}

const progressEvery = 8192 // requests

// errEmpty: a log without a request decides nothing.
var errEmpty = errors.New("there is no request in the log")

func (p *pass) start(e *Entry, observe func(*core.Router, int64) loop.Observer, done func(*flight)) {
	p.origin = e.Arrival
	p.read.First = time.Unix(0, e.Arrival).UTC()
	p.read.Resolution = time.Duration(e.Resolution)
	p.read.EndIsLogged = e.end != 0
	var see func(*core.Router) loop.Observer
	if observe != nil {
		see = func(r *core.Router) loop.Observer { return observe(r, p.origin) }
	}
	p.machine = newMachine(p.feed.Config, p.targets, p.feed.Seed, see)
	p.machine.done = func(f *flight) {
		if done != nil {
			done(f)
		}
		p.order.release(f.e)
	}
}

func (p *pass) count(e *Entry, how *found) {
	r := &p.read
	r.Last = time.Unix(0, e.Arrival).UTC()
	if e.Took == unknown {
		r.NoDuration++
	}
	if how.key == "" && !e.unread() {
		r.NoKey++
	}
	if !e.Told {
		r.NoUpstream++
	}
}

func (p *pass) finish() {
	p.read.Stats, p.read.Late, p.read.Spread = p.order.in.stats, p.order.late, p.order.spread
	p.read.Outcomes = p.machine.counts
	for _, s := range p.order.in.sources {
		p.read.Files = append(p.read.Files, s.name)
	}
}

// groupOf is what the other router calls the servers that it sent a request to.
func groupOf(e *Entry) string {
	if len(e.Attempts) == 0 {
		return ""
	}
	if g := e.Attempts[0].Group; g != "" {
		return g
	}
	return allUpstreams
}

// allUpstreams stands for the group where a log names none.
const allUpstreams = "upstreams"

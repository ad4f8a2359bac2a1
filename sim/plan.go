// Package sim runs fleets of real core.Router values against modelled clients,
// networks, backends and a control plane, on a virtual clock. A run is a pure
// function of its Plan: no goroutine, no wall clock, no stateful randomness.
// README.md says what each model leaves out.
package sim

import (
	"cmp"
	"slices"

	"lockstep/core"
)

// Plan is everything that a run depends on, as plain data: two runs of equal
// plans give equal results. Times count from the start of the run. Shares are
// parts per million. A zero field means the default beside it.
type Plan struct {
	Name    string
	Seed    uint64        // of all randomness, the routers' included
	Length  core.Duration // clients stop sending here; what is in flight then ends
	Window  core.Duration // width of Result.Windows; 0 means Length/60, at least 100 ms
	Spec    core.Spec     // in force on every router from the start, as if read from a file
	Epoch   core.Epoch    // of Spec; zero means that each router numbers it 0.1, as a file without epochs (R12)
	Routers int           // of the fleet at the start; 0 means 1
	Joins   []Join        // routers that come later

	Clients  []Client
	Backend  Backend           // every endpoint's server, unless Backends says otherwise
	Backends []BackendOverride // later entries win
	Link     Link              // between any router and any server

	Faults []Fault
	Pushes []Push
	Bursts []Burst

	// Recovery asks for the liveness check: so long after End, every breaker is
	// closed or waits for a request, and no request fails any more. 0 means that
	// the check is off; where Length comes first, as under a fault without an end,
	// nothing is judged either.
	Recovery core.Duration

	// WallClock puts the routers on the wall clocks of their machines, which
	// ClockAhead and ClockBehind move, in place of a clock that only goes forward:
	// the mistake that production does not make.
	WallClock bool
}

// Join is routers that start in the middle of the run, as new machines do: each
// with Spec as its file, and then the newest push. They are numbered on from
// those before them.
type Join struct {
	At      core.Time
	Routers int
	Over    core.Duration // they start evenly spread over this; 0 means at once
}

// fleet returns how many routers there are in all.
func (p *Plan) fleet() int {
	n := max(p.Routers, 1)
	for i := range p.Joins {
		n += p.Joins[i].Routers
	}
	return n
}

// Client is one population of senders. With Users it is closed-loop: each user
// sends, waits for the answer, thinks and sends again. Without, it is
// open-loop: requests come at Rate whatever happens.
type Client struct {
	Name     string
	Rate     uint32        // open-loop: requests over the whole fleet in each Per
	Per      core.Duration // open-loop: what Rate is counted over; 0 means a second
	Poisson  bool          // open-loop: exponential gaps in place of equal ones
	Users    uint32        // closed-loop: how many; at most 1,000,000
	Think    core.Duration // closed-loop: pause after each answer; drawn exponentially with this mean when Poisson
	From     core.Time     // first request not before; open-loop clients begin within one gap of it
	Until    core.Time     // no new request from here on; 0 means the plan's Length
	Keys     []string      // routing keys; none means every key that its route has in the plan's Spec, in order
	Zipf     bool          // the k-th key is drawn with weight 1/k in place of evenly
	Unknown  uint32        // share of requests with a key that no table has
	NoKey    uint32        // share of requests without a key
	Method   core.Method   // of every request
	Length   int64         // bytes of body of every request
	Patience core.Duration // gives up (client_gone) when no response has begun by then; 0 means never
	Retries  uint32        // after 429, 5xx, a cut connection or its own impatience, at most this many of each request
	Backoff  core.Duration // pause before the first retry; 0 means at once
	Retry    Retry         // how; the zero Retry is the naive client's
	Ramp     Ramp          // open-loop: Rate is its peak; the zero Ramp means that it is Rate throughout
	Hold     Hold          // the zero Hold means that nothing is held
	Poison   bool          // the server that takes one of its requests resets the connection without an answer
	Priority uint8         // of every request, 0 to 7; 0 is the most critical
	Cookies  bool          // each sender keeps the cookie of the endpoint that it was pinned to
	Router   int           // 0 means spread over the live routers by hash; n means router n alone, from 1
	Route    uint16        // by which its requests come (R1); one that a configuration does not have is route 0 there
	// Sticky keeps each of Users on one side of a split, as an edge does that
	// hashes a cookie; else, and for an open-loop client, each request is drawn.
	Sticky bool
}

// PerSecond returns the rate of an open-loop client in requests per second, rounded up.
func (c *Client) PerSecond() int64 {
	per := cmp.Or(c.Per, core.Second)
	return int64(portion(core.Duration(c.Rate), uint64(core.Second), uint64(per))) + int64(flag(c.Rate > 0 && per > core.Second))
}

// Ramp is a rate that rises and falls smoothly, as through a day: lowest at the
// start of each period, Rate in its middle.
type Ramp struct {
	Period core.Duration // from one low to the next, at least 1 s; 0 means no ramp
	Low    uint32        // share of Rate at the lowest
}

// Hold is a stall in front of the routers: what a client sends from At on, for
// so long, retries included, gets through only when the stall is over; what
// would get through after Length does not. Bursts go past it.
type Hold struct {
	At   core.Time
	For  core.Duration // 0 means no hold
	Over core.Duration // what was held comes at drawn times up to this after the end; 0 means all in one instant
}

// Retry is how a client tries again. A budget is one bucket of retry tokens for
// the whole population: each first request adds Budget of a token and each
// second Floor tokens; a retry takes one or is not sent. The bucket begins full.
type Retry struct {
	Growth uint32        // each pause after the first is so many times longer, in parts per million; 0 means 1,000,000
	Max    core.Duration // of a pause; 0 means a day
	Jitter bool          // full jitter: a pause is drawn evenly from 0 to what it would be
	Budget uint32        // share of first requests; with Floor 0 too: no budget, every retry is sent
	Floor  uint32        // tokens each second, whatever the traffic
}

// Shape names the form of a distribution of service times.
type Shape uint8

// Shapes. Exponential has Typical as its mean, LogNormal as its median.
const (
	Constant Shape = iota
	Exponential
	Bimodal
	LogNormal
	Empirical
	shapes
)

// Service is a distribution of service times, drawn through an integer quantile table.
type Service struct {
	Shape     Shape
	Typical   core.Duration // the constant, the mean, the median, or the fast mode; 0 means 10 ms
	Slow      core.Duration // Bimodal: the slow mode
	SlowShare uint32        // Bimodal: share of requests that take Slow
	P99       core.Duration // LogNormal: the 99th percentile, above Typical
	Histogram []Bucket      // Empirical: what was measured, shortest first
}

// Bucket is one bucket of a measured histogram: Count values above the bucket
// before it (0 for the first) and up to UpTo, taken to lie evenly between.
type Bucket struct {
	UpTo  core.Duration
	Count uint32
}

// Backend is one server: Workers requests are served at once, the rest wait in
// line, first come first served. It goes on working for callers that gave up.
// With a Knee its goodput falls under overload: when work begins while n
// requests are in service or in line, it takes (n - Knee) x Strain longer.
type Backend struct {
	Workers int // 0 means no bound: nothing ever waits
	Queue   int // how many may wait; beyond, it answers 503 at once; 0 means no bound
	Service Service
	Body    core.Duration // how long the body flows after the headers; 0 means it comes with them
	Flaky   uint32        // share of answers that are status 500 although nothing is wrong
	Knee    int           // needs Workers; 0 means that service times do not depend on the load
	Strain  uint32        // longer by this share for each request beyond Knee
	Warmup  core.Duration // after the end of a Refuse fault it is slow for so long; 0 means never
	Cold    uint32        // Warmup: service times at its begin, in parts per million, falling evenly to 1,000,000; 0 means 10,000,000
}

// BackendOverride gives the servers of one placement, or one of them, another Backend.
type BackendOverride struct {
	Placement string
	Endpoint  string // name or URL; "" means all of the placement
	Backend   Backend
}

// Link is the way between a router and a server. Connections are pooled: a
// dial that works costs nothing; one that does not costs the connect timeout.
type Link struct {
	Latency core.Duration // one way
	Jitter  core.Duration // added to each crossing, drawn evenly from 0 to this
	Loss    uint32        // share of attempts whose dial is lost: connect_timeout
}

// Push is one configuration that the control plane sends.
type Push struct {
	At      core.Time
	Spec    *core.Spec    // nil means garbage: bytes that no parser takes
	Epoch   core.Epoch    // zero means a peer without epochs (R12)
	Router  int           // 0 means all routers, else one, from 1
	Spread  core.Duration // each copy comes at a drawn time up to this after At, so that pushes can overtake each other
	Copies  int           // how often each router gets it; 0 means once
	NoDisk  bool          // the router's disk is full: not_persisted
	Garbage bool          // Spec is sent damaged
	// Deliberate: the operator means it, whatever guards say (R13).
	Deliberate bool
}

// Burst is extra requests of one client.
type Burst struct {
	Client   string
	At       core.Time
	Over     core.Duration // spread evenly over this; 0 means all in one instant
	Requests int
}

// FaultEnd returns when fault i is over on every router; Length for one without an end.
func (p *Plan) FaultEnd(i int) core.Time {
	f := &p.Faults[i]
	end := f.until(core.Time(p.Length))
	switch f.Kind {
	case Upgrade:
		turns := f.turns(p.fleet())
		return turns[len(turns)-1].Until
	case Silence:
		return end.Add(f.Spread)
	}
	return end
}

// End returns when the last fault, push, burst, hold and join of the plan is
// over; a fault without an end, or one that ends later, lasts to Length.
func (p *Plan) End() core.Time {
	end, length := core.Time(0), core.Time(p.Length)
	for i := range p.Faults {
		end = max(end, min(p.FaultEnd(i), length))
	}
	for i := range p.Joins {
		end = max(end, p.Joins[i].At.Add(p.Joins[i].Over))
	}
	for i := range p.Pushes {
		end = max(end, p.Pushes[i].At.Add(p.Pushes[i].Spread))
	}
	for i := range p.Bursts {
		end = max(end, p.Bursts[i].At.Add(p.Bursts[i].Over))
	}
	for i := range p.Clients {
		if h := &p.Clients[i].Hold; h.For > 0 {
			end = max(end, h.At.Add(h.For+h.Over))
		}
	}
	return end
}

// cloneSpec copies a configuration so that changing the copy leaves s as it is.
func cloneSpec(s *core.Spec) core.Spec {
	c := *s
	c.Keys, c.Placements = slices.Clone(s.Keys), slices.Clone(s.Placements)
	c.Tables, c.Routes, c.Splits = slices.Clone(s.Tables), slices.Clone(s.Routes), slices.Clone(s.Splits)
	for i := range c.Tables {
		c.Tables[i].Keys = slices.Clone(c.Tables[i].Keys)
	}
	for i := range c.Splits {
		c.Splits[i].Parts = slices.Clone(c.Splits[i].Parts)
	}
	for i := range c.Placements {
		p := &c.Placements[i]
		p.Endpoints, p.Fallback = slices.Clone(p.Endpoints), slices.Clone(p.Fallback)
	}
	return c
}

// Package sim runs fleets of real core.Router values against modelled clients,
// networks, backends and a control plane, on a virtual clock. A run is a pure
// function of its Plan: no goroutine, no wall clock, no stateful randomness.
// README.md says what each model leaves out.
package sim

import (
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
	Routers int           // of the fleet; 0 means 1

	Clients  []Client
	Backend  Backend           // every endpoint's server, unless Backends says otherwise
	Backends []BackendOverride // later entries win
	Link     Link              // between any router and any server

	Faults []Fault
	Pushes []Push
	Bursts []Burst

	// Recovery asks for the liveness check: so long after the last fault, push
	// and burst have ended, every breaker is closed or waits for a request, and
	// no request fails any more. 0 means that the check is off.
	Recovery core.Duration
}

// Client is one population of senders. With Users it is closed-loop: each user
// sends, waits for the answer, thinks and sends again. Without, it is
// open-loop: requests come at Rate whatever happens.
type Client struct {
	Name     string
	Rate     uint32        // open-loop: requests per second over the whole fleet
	Poisson  bool          // open-loop: exponential gaps in place of equal ones
	Users    uint32        // closed-loop: how many; at most 1,000,000
	Think    core.Duration // closed-loop: pause after each answer; drawn exponentially with this mean when Poisson
	From     core.Time     // first request not before; open-loop clients begin within one gap of it
	Until    core.Time     // no new request from here on; 0 means the plan's Length
	Keys     []string      // routing keys; none means every key of the plan's Spec, in order
	Zipf     bool          // the k-th key is drawn with weight 1/k in place of evenly
	Unknown  uint32        // share of requests with a key that no table has
	NoKey    uint32        // share of requests without a key
	Method   core.Method   // of every request
	Length   int64         // bytes of body of every request
	Patience core.Duration // gives up (client_gone) when no response has begun by then; 0 means never
	Retries  uint32        // after 429, 5xx, a cut connection or its own impatience, at most this many of each request
	Backoff  core.Duration // pause before the first retry; 0 means at once
	Retry    Retry         // how; the zero Retry is the naive client's
	Router   int           // 0 means spread over the live routers by hash; n means router n alone, from 1
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

// FaultKind names what breaks.
type FaultKind uint8

// Kinds of faults. Those of servers touch traffic and health answers alike
// where the process could not answer either (Refuse, Hang, Reset), and traffic
// alone otherwise.
const (
	FaultNone FaultKind = iota
	// Servers.
	Refuse     // crashed: what is in flight is reset, new connections are refused
	Hang       // accepts and never answers
	Slow       // service times x Factor
	Flaky      // Share of the answers have Status
	BrokenBody // Share of the bodies break half-way
	SlowBody   // bodies flow for Delay
	StuckBody  // Share of the bodies stall after the headers: body_timeout
	ResetNew   // accepts, then resets: reset_before_response
	HealthDown // health answers 503 while traffic is served
	HealthUp   // health answers 200 whatever is wrong with traffic
	// Links between routers and servers.
	Delayed   // crossings take Delay longer
	Lossy     // Share of the dials are lost
	Partition // nothing crosses, either way, and nobody is told
	ResetAll  // at At, every connection in flight is reset; Until means nothing
	// Routers.
	Crash // the router is gone from At, with all it held; it restarts from disk at Until
	Drain // told at At to drain, with Until as the deadline (R14)
	// The control plane.
	Silence // routers cannot reach it; at Until each gets the newest push it missed
	faultKinds
)

// Fault breaks one thing for a time. Fields that its kind does not name mean nothing.
type Fault struct {
	Kind      FaultKind
	At, Until core.Time     // from At, included, to Until, excluded; Until 0 means to the end of the run
	Placement string        // servers and links: whose; "" means every placement
	Endpoint  string        // servers and links: name or URL; "" means all of the placement
	Router    int           // links, routers, control plane: which, from 1; 0 means all
	Share     uint32        // 0 means all (1,000,000)
	Status    uint16        // Flaky: 0 means 500
	Factor    uint32        // Slow: parts per million, above 1,000,000; 0 means 10,000,000
	Delay     core.Duration // Delayed, SlowBody; 0 means 1 s
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
}

// Burst is extra requests of one client.
type Burst struct {
	Client   string
	At       core.Time
	Over     core.Duration // spread evenly over this; 0 means all in one instant
	Requests int
}

// End returns when the last fault, push and burst of the plan is over; a fault
// without an end, or one that ends later, lasts to Length.
func (p *Plan) End() core.Time {
	end, length := core.Time(0), core.Time(p.Length)
	for i := range p.Faults {
		end = max(end, min(p.Faults[i].until(length), length))
	}
	for i := range p.Pushes {
		end = max(end, p.Pushes[i].At.Add(p.Pushes[i].Spread))
	}
	for i := range p.Bursts {
		end = max(end, p.Bursts[i].At.Add(p.Bursts[i].Over))
	}
	return end
}

func (f *Fault) until(length core.Time) core.Time {
	switch {
	case f.Kind == ResetAll:
		return f.At
	case f.Until == 0:
		return length
	}
	return f.Until
}

// String returns the name used in scenario files and reports.
func (k FaultKind) String() string {
	if k >= faultKinds {
		return "none"
	}
	return faultNames()[k]
}

// ParseFaultKind returns the kind with that name.
func ParseFaultKind(name string) (FaultKind, bool) {
	for k, n := range faultNames() {
		if n == name && k != int(FaultNone) {
			return FaultKind(k), true
		}
	}
	return FaultNone, false
}

func faultNames() [faultKinds]string {
	return [faultKinds]string{
		FaultNone: "none", Refuse: "refuse", Hang: "hang", Slow: "slow", Flaky: "flaky", BrokenBody: "broken_body",
		SlowBody: "slow_body", StuckBody: "stuck_body", ResetNew: "reset_new", HealthDown: "health_down", HealthUp: "health_up",
		Delayed: "delayed", Lossy: "lossy", Partition: "partition", ResetAll: "reset_all",
		Crash: "crash", Drain: "drain", Silence: "silence",
	}
}

// cloneSpec copies a configuration so that changing the copy leaves s as it is.
func cloneSpec(s *core.Spec) core.Spec {
	c := *s
	c.Keys, c.Placements = slices.Clone(s.Keys), slices.Clone(s.Placements)
	for i := range c.Placements {
		p := &c.Placements[i]
		p.Endpoints, p.Fallback = slices.Clone(p.Endpoints), slices.Clone(p.Fallback)
	}
	return c
}

package scenario

// File is one scenario as written. A zero field means the default beside it;
// an unknown field is an error of the decoder.
type File struct {
	Scenario   int           `yaml:"scenario"` // version of this form: 1
	Name       string        `yaml:"name"`
	ModelledOn string        `yaml:"modelled_on"` // the incident or source
	Why        string        `yaml:"why"`         // what went wrong there, and what the shape here stands for
	Property   string        `yaml:"property"`    // the sentence that the expectations make exact
	Config     any           `yaml:"config"`      // a native configuration, or the path of one beside this file
	Epoch      Epoch         `yaml:"epoch"`       // of config; none means that the router numbers it
	Routers    int           `yaml:"routers"`     // of the fleet at the start; 0 means 1
	Joins      []Join        `yaml:"joins"`       // routers that come later
	WallClock  bool          `yaml:"wall_clock"`  // sim.Plan.WallClock
	Length     Span          `yaml:"length"`      // clients stop sending here
	Window     Span          `yaml:"window"`      // figures are kept in windows of this width; 0 means 1s
	Seed       uint64        `yaml:"seed"`
	Recovery   Span          `yaml:"recovery"` // sim.Plan.Recovery; 0 means not asked
	Clients    []Client      `yaml:"clients"`
	Backend    Backend       `yaml:"backend"` // every endpoint's server unless backends says otherwise
	Backends   []Override    `yaml:"backends"`
	Link       Link          `yaml:"link"`
	Faults     []Fault       `yaml:"faults"`
	Pushes     []Push        `yaml:"pushes"`
	Bursts     []Burst       `yaml:"bursts"`
	Dumps      Dumps         `yaml:"dumps"` // what the figure dumps counts
	Expect     []Expectation `yaml:"expect"`
	Map        *Map          `yaml:"map"` // what `lockstep sim --map` varies
	Twin       *Twin         `yaml:"twin"`
}

// Join is sim.Join as written.
type Join struct {
	At      Span `yaml:"at"`
	Routers int  `yaml:"routers"`
	Over    Span `yaml:"over"`
}

// Client is sim.Client as written.
type Client struct {
	Name     string   `yaml:"name"`
	Rate     uint32   `yaml:"rate"` // open loop: requests over the fleet in each per
	Per      Span     `yaml:"per"`  // 0 means 1s
	Poisson  bool     `yaml:"poisson"`
	Users    uint32   `yaml:"users"` // closed loop
	Think    Span     `yaml:"think"`
	From     Span     `yaml:"from"`
	Until    Span     `yaml:"until"`
	Keys     []string `yaml:"keys"` // none means every key of the configuration
	Zipf     bool     `yaml:"zipf"`
	Unknown  Share    `yaml:"unknown"`
	NoKey    Share    `yaml:"no_key"`
	Body     int64    `yaml:"body"`   // bytes
	Method   string   `yaml:"method"` // safe, idempotent or other; none means safe
	Patience Span     `yaml:"patience"`
	Retries  uint32   `yaml:"retries"`
	Backoff  Span     `yaml:"backoff"` // before the first retry
	Retry    Retry    `yaml:"retry"`   // none means the naive client's
	Ramp     Ramp     `yaml:"ramp"`    // rate is its peak; none means an even rate
	Hold     Hold     `yaml:"hold"`    // a stall in front of the routers
	Router   int      `yaml:"router"`
	Poison   bool     `yaml:"poison"` // whatever serves it resets the connection
	Priority uint8    `yaml:"priority"`
	Route    uint16   `yaml:"route"`  // number of the route, from 0
	Sticky   bool     `yaml:"sticky"` // each of users keeps to one side of a split
}

// Ramp is sim.Ramp as written.
type Ramp struct {
	Period Span  `yaml:"period"` // from one low to the next
	Low    Share `yaml:"low"`    // of the rate
}

// Hold is sim.Hold as written.
type Hold struct {
	At   Span `yaml:"at"`
	For  Span `yaml:"for"`
	Over Span `yaml:"over"` // what was held comes within so long of the end; 0 means at once
}

// Retry is sim.Retry as written.
type Retry struct {
	Grow   Factor `yaml:"grow"` // of each pause after the first: 2x
	Max    Span   `yaml:"max"`
	Jitter bool   `yaml:"jitter"` // full jitter
	Budget Share  `yaml:"budget"` // of first requests
	Floor  uint32 `yaml:"floor"`  // retries per second that are always allowed
}

// Backend is sim.Backend as written.
type Backend struct {
	Workers int     `yaml:"workers"`
	Queue   int     `yaml:"queue"`
	Service Service `yaml:"service"`
	Body    Span    `yaml:"body"`
	Flaky   Share   `yaml:"flaky"`
	Knee    int     `yaml:"knee"`   // requests in service and in line, beyond which work takes longer
	Strain  Share   `yaml:"strain"` // longer by so much for each beyond the knee
	Warmup  Span    `yaml:"warmup"` // slow for so long after a refuse fault
	Cold    Factor  `yaml:"cold"`   // how slow at first: 10x unless said
}

// Service is sim.Service as written; shape is constant, exponential, bimodal,
// lognormal or empirical.
type Service struct {
	Shape     string `yaml:"shape"`
	Typical   Span   `yaml:"typical"`
	Slow      Span   `yaml:"slow"`
	SlowShare Share  `yaml:"slow_share"`
	P99       Span   `yaml:"p99"`       // lognormal: with typical as the median
	Histogram []Step `yaml:"histogram"` // empirical: the shortest first
}

// Step is one bucket of a measured histogram: so many values above the step before it and up to UpTo.
type Step struct {
	UpTo  Span   `yaml:"up_to"`
	Count uint32 `yaml:"count"`
}

// Override gives the servers of one placement, or one of them, another Backend.
type Override struct {
	Placement string `yaml:"placement"`
	Endpoint  string `yaml:"endpoint"`
	Backend   `yaml:",inline"`
}

// Link is sim.Link as written.
type Link struct {
	Latency Span  `yaml:"latency"`
	Jitter  Span  `yaml:"jitter"`
	Loss    Share `yaml:"loss"`
}

// Fault is sim.Fault as written: `do` names the kind; without `for` it lasts to
// the end of the run.
type Fault struct {
	At        Span   `yaml:"at"`
	For       Span   `yaml:"for"`
	Do        string `yaml:"do"`
	Placement string `yaml:"placement"`
	Endpoint  string `yaml:"endpoint"`
	Router    int    `yaml:"router"`
	Share     Share  `yaml:"share"`
	Status    uint16 `yaml:"status"`
	Factor    Factor `yaml:"factor"`
	Delay     Span   `yaml:"delay"`
	Pause     Span   `yaml:"pause"`
	Spread    Span   `yaml:"spread"` // silence: over which the routers are back
}

// Push is one configuration that the control plane sends: garbage, a whole
// configuration, or a merge patch over the scenario's own. With none of the
// three it is the scenario's own again. A part of it may be lost.
type Push struct {
	At      Span   `yaml:"at"`
	Garbage bool   `yaml:"garbage"`
	Config  any    `yaml:"config"`
	Change  any    `yaml:"change"`
	Refused string `yaml:"refused"` // the configuration is not valid, and the reason has these words; "" means that it is valid
	Drop    Drop   `yaml:"drop"`
	Flap    Flap   `yaml:"flap"`
	Epoch   Epoch  `yaml:"epoch"`
	Router  int    `yaml:"router"`
	Spread  Span   `yaml:"spread"`
	Copies  int    `yaml:"copies"`
	NoDisk  bool   `yaml:"no_disk"`

	Deliberate bool `yaml:"deliberate"` // the operator means it, whatever guards say
}

// Drop is sim.Drop as written.
type Drop struct {
	Keys       Share `yaml:"keys"`
	Placements Share `yaml:"placements"`
	Endpoints  Share `yaml:"endpoints"` // of each placement
}

// Flap sends the push and the scenario's own configuration in turn. Epochs, if
// there are any, grow by one each time.
type Flap struct {
	Times int  `yaml:"times"` // pushes in all
	Every Span `yaml:"every"`
}

// Burst is extra requests of one client.
type Burst struct {
	At       Span   `yaml:"at"`
	Client   string `yaml:"client"`
	Requests int    `yaml:"requests"`
	Over     Span   `yaml:"over"`
}

// Twin is the same scenario with the protection switched off. It must fail, or
// the scenario is not known to bite.
type Twin struct {
	Off      string `yaml:"off"`       // what it switches off, in words
	Change   any    `yaml:"change"`    // merge patch (RFC 7386) over the file
	MustFail string `yaml:"must_fail"` // name of the expectation that fails in the twin
}

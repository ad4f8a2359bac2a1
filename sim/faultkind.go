package sim

import (
	"cmp"

	"lockstep/core"
)

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
	// One way alone is cut. A dial needs both, so it ends as connect_timeout; Share
	// of the attempts find a pooled connection and need no dial.
	PartitionOut  // nothing reaches the server; what is under way comes back
	PartitionBack // requests reach the server; neither answers nor bodies come back
	ResetAll      // at At, every connection in flight is reset; Until means nothing
	// Routers.
	Crash // the router is gone from At, with all it held; it restarts from disk at Until
	Drain // told at At to drain, with Until as the deadline (R14)
	// The routers one after the other: each drains for Until - At, is away for
	// Delay, restarts from disk, and after Pause it is the next one's turn.
	Upgrade
	// Machines of routers; felt with Plan.WallClock alone.
	ClockAhead  // the wall clock leaps ahead by Delay at At, and back at Until
	ClockBehind // it leaps back by Delay at At, and ahead at Until
	// The control plane.
	Silence // routers cannot reach it; when they are back, each gets the newest push it missed
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
	Delay     core.Duration // Delayed, SlowBody, Upgrade: 0 means 1 s; ClockAhead, ClockBehind: 0 means a day
	Pause     core.Duration // Upgrade
	Spread    core.Duration // Silence: each router is back at a drawn time up to this after Until; 0 means at once
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

// turns lists the drains and restarts that an upgrade of a fleet consists of.
func (f *Fault) turns(fleet int) (steps []Fault) {
	first, last := 1, fleet
	if f.Router > 0 {
		first, last = f.Router, f.Router
	}
	at := f.At
	for n := first; n <= last; n++ {
		deadline := at.Add(f.Until.Sub(f.At))
		back := deadline.Add(cmp.Or(f.Delay, core.Second))
		steps = append(steps, Fault{Kind: Drain, At: at, Until: deadline, Router: n}, Fault{Kind: Crash, At: deadline, Until: back, Router: n})
		at = back.Add(f.Pause)
	}
	return steps
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
		Delayed: "delayed", Lossy: "lossy", Partition: "partition", PartitionOut: "partition_out", PartitionBack: "partition_back", ResetAll: "reset_all",
		Crash: "crash", Drain: "drain", Upgrade: "upgrade", ClockAhead: "clock_ahead", ClockBehind: "clock_behind", Silence: "silence",
	}
}

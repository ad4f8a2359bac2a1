package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lockstep/adapters/driver"
	"lockstep/core"
	"lockstep/core/loop"
)

// Numbers of kinds that are counted apart; one beyond counts as the last. The
// enumerations of core grow, their values are small.
const (
	maxKinds   = 64
	maxClasses = 64
	maxCauses  = 32
)

// Decisions counts every event and every decision as the driver makes it. It
// is the driver's observer and hands all to the recorder behind it. It counts
// under the driver's lock, so plain integers do.
type Decisions struct {
	next driver.Recorder // nil for none
	lock sync.Locker     // the driver's; nil before Start

	events  [maxKinds]uint64
	kinds   [maxKinds]uint64
	rejects [maxClasses]uint64 // by class
	aborts  [maxClasses]uint64
	nacks   [maxCauses]uint64 // by cause
	ignored [maxCauses]uint64
	bugs    [maxCauses]uint64
	control controlState
}

// controlState is what was heard last of the control plane.
type controlState uint8

const (
	controlUnheard controlState = iota
	controlAway
	controlConnected
)

// NewDecisions returns counters for driver.Options.Observer; next, which may be
// nil, is told everything as well.
func NewDecisions(next driver.Recorder) *Decisions { return &Decisions{next: next} }

// Start implements driver.Recorder.
func (c *Decisions) Start(r *core.Router, lock sync.Locker, origin time.Time) {
	c.lock = lock
	if c.next != nil {
		c.next.Start(r, lock, origin)
	}
}

// Observe implements loop.Observer.
func (c *Decisions) Observe(now core.Time, ev *core.Event, req *loop.Request, decisions []core.Decision) {
	c.events[ev.Kind%maxKinds]++
	if ev.Kind == core.Control {
		c.control = controlAway
		if ev.OK {
			c.control = controlConnected
		}
	}
	for i := range decisions {
		d := &decisions[i]
		c.kinds[d.Kind%maxKinds]++
		switch d.Kind {
		case core.Reject:
			c.rejects[d.Class%maxClasses]++
		case core.Abort:
			c.aborts[d.Class%maxClasses]++
		case core.Nack:
			c.nacks[d.Cause%maxCauses]++
		case core.NoteIgnored:
			c.ignored[d.Cause%maxCauses]++
		case core.NoteBug:
			c.bugs[d.Cause%maxCauses]++
		}
	}
	if c.next != nil {
		c.next.Observe(now, ev, req, decisions)
	}
}

// collect sends the counters.
func (c *Decisions) collect(ch chan<- prometheus.Metric) {
	if c == nil || c.lock == nil {
		return
	}
	c.lock.Lock()
	now := *c
	c.lock.Unlock()
	if now.control != controlUnheard {
		sender(ch).gauge(mControl, truth(now.control == controlConnected))
	}
	events, decisions := mEvents.desc, mDecisions.desc
	for k := range core.EventKind(maxKinds) {
		if k.String() == "none" {
			continue // no such kind, or not yet
		}
		ch <- prometheus.MustNewConstMetric(events, prometheus.CounterValue, float64(now.events[k]), k.String())
	}
	apart := map[core.DecisionKind]bool{core.Reject: true, core.Abort: true, core.Nack: true, core.NoteIgnored: true, core.NoteBug: true}
	for k := range core.DecisionKind(maxKinds) {
		if k.String() != "none" && !apart[k] {
			ch <- prometheus.MustNewConstMetric(decisions, prometheus.CounterValue, float64(now.kinds[k]), k.String(), "", "")
		}
	}
	classes := func(k core.DecisionKind, counts *[maxClasses]uint64) {
		for i, n := range counts {
			if n > 0 {
				ch <- prometheus.MustNewConstMetric(decisions, prometheus.CounterValue, float64(n), k.String(), className(core.Class(i)), "")
			}
		}
	}
	causes := func(k core.DecisionKind, counts *[maxCauses]uint64) {
		for i, n := range counts {
			if n > 0 {
				ch <- prometheus.MustNewConstMetric(decisions, prometheus.CounterValue, float64(n), k.String(), "", core.Cause(i).String())
			}
		}
	}
	classes(core.Reject, &now.rejects)
	classes(core.Abort, &now.aborts)
	causes(core.Nack, &now.nacks)
	causes(core.NoteIgnored, &now.ignored)
	causes(core.NoteBug, &now.bugs)
}

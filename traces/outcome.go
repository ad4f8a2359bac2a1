package traces

import (
	"errors"

	"lockstep/core"
)

// Outcome is the class of an attempt that ended with a class and a status: a
// complete answer of 500 and above is one of R16's too.
func Outcome(class core.Class, status uint16) core.Class {
	if class == core.ClassNone && status >= 500 {
		return core.Upstream5xx
	}
	return class
}

// Fate is how a request has fared so far, over all its attempts. Its zero value
// is that of a request of which nothing was decided yet.
type Fate struct {
	Status uint16     // that its client was told, of the last attempt that has one; 0 for none
	Class  core.Class // of R16 in which it ended, a complete answer of 500 and above included
	Guest  bool       // its last attempt went to another placement than its home
	Ended  bool
}

// Decided takes in a decision about the request.
func (x *Fate) Decided(d *core.Decision) {
	switch d.Kind {
	case core.Forward:
		x.Guest = d.Failover != core.FailoverNone
	case core.Reject:
		x.Status, x.Class, x.Ended = d.Status, d.Class, true
	}
}

// Finished takes in a Finish after which the request is not tried again.
func (x *Fate) Finished(ev *core.Event) {
	x.Class, x.Ended = Outcome(ev.Class, ev.Status), true
	if ev.Status != 0 {
		x.Status = ev.Status
	}
	if row := x.Class.Row(); row.Status != 0 {
		x.Status = row.Status
	}
}

// Failed reports whether it was refused, ended in a class, or was told 500 and above.
func (x *Fate) Failed() bool { return x.Class != core.ClassNone || x.Status >= 500 }

// Moved returns the handle under which a request whose Reply or Finish this is
// is tried again, and whether it is.
func Moved(ev *core.Event, decided []core.Decision) (core.Handle, bool) {
	if n := len(decided); n > 0 && decided[n-1].Kind == core.Retry && decided[n-1].Handle != ev.Handle {
		return decided[n-1].Handle, true
	}
	return core.Handle{}, false
}

// Damaged reports whether err tells of a part of a trace that cannot be read,
// after which a Reader goes on.
func Damaged(err error) bool {
	_, damaged := errors.AsType[*DamageError](err)
	return damaged
}

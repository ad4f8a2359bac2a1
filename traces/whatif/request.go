package whatif

import "lockstep/core"

// A request is followed on both sides: as it was recorded, and as it goes under
// the new configuration.

type state uint8

const (
	absent state = iota // it did not come on this side
	waiting
	inFlight
	ended
)

// side is one request on one side.
type side struct {
	state     state
	attempts  uint8
	failover  bool // counted
	replied   bool
	handle    core.Handle
	endpoint  uint64 // identity
	began     core.Time
	placement string // of the last attempt, or that refused
	refused   core.Class
	class     core.Class // of the end
	status    uint16     // told; 0: none
	upstream  uint16     // of the Reply
}

func (s *side) where() Where { return Where{s.placement, s.refused} }

type request struct {
	key         string
	id          [2]uint64
	hash        uint64
	split       uint64
	step        uint64
	at          core.Time
	gone        core.Time // the client left in the recording, 0: it did not
	replayable  bool
	closed      bool        // compared
	loose       bool        // its attempt on alt's side is not exact
	guest       bool        // that attempt came by failover
	server      *server     // of the recorded attempt in flight
	inherited   bool        // it was there when the recording began
	same        bool        // its attempt is the one that was recorded
	modelled    bool        // a client's retry that was drawn: there is no recorded side
	skipped     bool        // a recorded retry that does not come: there is no other side
	try         uint8       // how often its client had tried, as far as is known
	event       *core.Event // its arrive, kept with Options.Retries
	rec, alt    side
	decision    Label
	outcome     Label
	decisionWhy string // the decision is not recorded
	why         string // of the worse of both
}

// worsen makes the labels of a request no better than l.
func (q *request) worsen(to *Label, l Label, why string) {
	if l > *to {
		if l > max(q.decision, q.outcome) {
			q.why = why
		}
		*to = l
		if to == &q.decision {
			q.decisionWhy = why
		}
	}
}

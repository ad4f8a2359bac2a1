package report

import (
	"slices"

	"lockstep/core"
	"lockstep/traces"
)

// Classes of a row beyond those of R16.
const (
	classPending core.Class = 253 // while it is in flight
	classFlying  core.Class = 254 // still in flight when the recording ends
	classLost    core.Class = 255 // its end lies in a gap
)

// Bits of row.flags.
const (
	flagFailover = 3      // core.Failover of the last attempt
	flagCircuit  = 3 << 2 // core.Circuit
	flagProbe    = 1 << 4
	flagQueued   = 1 << 5
	flagPin      = 1 << 6
	flagRefused  = 1 << 7 // by the router
	flagReplied  = 1 << 8 // its outcome was booked while its body still flowed
	flagMethod   = 3 << 9 // core.Method
	flagSent     = 1 << 11
	shiftCircuit = 2
	shiftMethod  = 9
	shiftPrio    = 12 // three bits
)

// row is one request.
type row struct {
	time     core.Time
	span     core.Duration // from arrival to its end, or to the end of the recording
	step     uint64
	id       [2]uint64
	key      uint32 // index in rows.keys
	leg      int32  // its last attempt in rows.legs, 0 for none
	room     int32  // in rows.rooms, 0 for none
	home     int32  // placement, -1 for none
	place    int32  // that served or refused it, -1 for none
	endpoint int32  // of the last attempt, -1 for none
	status   uint16 // 0 unknown
	flags    uint16
	class    core.Class
	rule     uint8
	attempts uint8
}

// leg is one attempt or wait of a request that had more than one.
type leg struct {
	before     int32 // the leg before it, 0 for none
	endpoint   int32 // -1 for a wait
	place      int32
	from, to   core.Time
	status     uint16
	class      core.Class
	failover   core.Failover
	circuit    core.Circuit
	wait, over bool
}

// room is what a refusal for want of room saw.
type room struct{ inFlight, guests, limit uint32 }

// rows are the requests that the page shows one by one. When there are too many,
// all failures stay, and of the rest those whose step's hash lies below a
// threshold that halves; and if the failures alone are too many, so do they.
type rows struct {
	most  int
	list  []row
	legs  []leg // 0 is none
	rooms []room
	keys  []string
	index map[string]uint32

	halved       int // how often the share of served requests that are kept was halved
	failedHalved int // the same of failures
}

func newRows(most int) rows {
	return rows{most: most, legs: make([]leg, 1), rooms: make([]room, 1), index: map[string]uint32{}}
}

func (r *rows) key(s string) uint32 {
	n, ok := r.index[s]
	if !ok {
		n = uint32(len(r.keys))
		r.keys = append(r.keys, s)
		r.index[s] = n
	}
	return n
}

// failed reports whether the client did not get what it asked for.
func (w *row) failed() bool { return w.class != core.ClassNone && w.class != classPending }

// drawn reports whether the step is in a sample of one in two to the power halved.
func drawn(step uint64, halved int) bool {
	return halved == 0 || core.RequestHash(step, 0)>>(64-halved) == 0
}

// thin draws what came since the last time as what came before and, until that
// leaves a quarter of the room, halves a share: that of failures when they
// alone fill half of it, else that of the served. What flies names rows, and follows.
func (r *rows) thin(flying *traces.Flights[int32]) {
	if r.halved > 0 {
		r.compact(flying)
	}
	for len(r.list) >= r.most-r.most/4 && r.halved < 40 {
		failures := 0
		for i := range r.list {
			if r.list[i].failed() {
				failures++
			}
		}
		if failures > r.most/2 {
			r.failedHalved++
			r.halved = max(r.halved, r.failedHalved)
		} else {
			r.halved++
		}
		r.compact(flying)
	}
}

// compact keeps what is drawn, with its keys, legs and rooms.
func (r *rows) compact(flying *traces.Flights[int32]) {
	flies := map[int32]bool{}
	for _, n := range flying.All() {
		flies[*n] = true
	}
	old := *r
	r.keys, r.legs, r.rooms = nil, make([]leg, 1, len(old.legs)/2+1), make([]room, 1, len(old.rooms)/2+1)
	r.index = map[string]uint32{}
	moved := make(map[int32]int32, len(flies))
	n := int32(0)
	for i := range old.list {
		w := old.list[i]
		halved := r.halved
		if w.failed() {
			halved = r.failedHalved
		}
		if !flies[int32(i)] && !drawn(w.step, halved) {
			continue
		}
		w.key = r.key(old.keys[w.key])
		if w.room != 0 {
			r.rooms = append(r.rooms, old.rooms[w.room])
			w.room = int32(len(r.rooms) - 1)
		}
		w.leg = r.moveLegs(old.legs, w.leg)
		r.list[n] = w
		moved[int32(i)] = n
		n++
	}
	r.list = r.list[:n]
	for _, n := range flying.All() {
		*n = moved[*n]
	}
}

// moveLegs copies a chain of legs and returns its new last.
func (r *rows) moveLegs(old []leg, last int32) int32 {
	var chain []int32
	for at := last; at != 0; at = old[at].before {
		chain = append(chain, at)
	}
	before := int32(0)
	for _, at := range slices.Backward(chain) {
		l := old[at]
		l.before = before
		r.legs = append(r.legs, l)
		before = int32(len(r.legs) - 1)
	}
	return before
}

// addLeg adds an attempt or wait to a request and returns it.
func (r *rows) addLeg(w *row, l leg) *leg {
	l.before = w.leg
	r.legs = append(r.legs, l)
	w.leg = int32(len(r.legs) - 1)
	return &r.legs[w.leg]
}

// endLeg ends the request's last leg, if it is open.
func (r *rows) endLeg(w *row, at core.Time, class core.Class, status uint16) {
	if l := &r.legs[w.leg]; w.leg != 0 && !l.over {
		l.to, l.class, l.status, l.over = at, class, status, true
	}
}

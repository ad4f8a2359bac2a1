package traces

import "lockstep/core"

// wire is how a field is written. In both forms a field is left out when it
// has the value named here as absent; README.md has the table.
type wire uint8

const (
	wireUint   wire = iota // unsigned varint; absent: 0
	wireEnum               // unsigned varint, in NDJSON a name; absent: 0
	wireBool               // no bytes, present means true
	wireSigned             // zigzag varint; absent: 0
	wireTime               // zigzag varint relative to the fact's time, in NDJSON absolute; absent: the fact's time
	wireNumber             // unsigned varint of the number plus 1; absent: -1, none
	wireHash               // 8 bytes little-endian, in NDJSON 16 hex digits; absent: 0
	wireKey                // string table reference; absent: ""
	wireID                 // 16 bytes big-endian, in NDJSON 32 hex digits; absent: 0
)

// encode maps a value to the number that is written, 0 when it is left out.
func (w wire) encode(v uint64, now core.Time) uint64 {
	switch w {
	case wireSigned:
		return zigzag(int64(v))
	case wireTime:
		return zigzag(int64(v) - int64(now))
	case wireNumber:
		return v + 1
	}
	return v
}

// decode is the inverse of encode.
func (w wire) decode(v uint64, now core.Time) uint64 {
	switch w {
	case wireSigned:
		return uint64(unzigzag(v))
	case wireTime:
		return uint64(unzigzag(v) + int64(now))
	case wireNumber:
		return v - 1
	}
	return v
}

func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// field is one column of an event or a decision. Its name is the NDJSON key.
type field[T any] struct {
	name string
	wire wire
	enum enum // wireEnum
	get  func(*T) uint64
	set  func(*T, uint64)
}

// schema is the one table that both forms are made from: the fields of every
// kind, in order, at most 16 each. The position of a field is its presence bit.
type schema struct {
	events    [][]field[core.Event]    // by EventKind
	decisions [][]field[core.Decision] // by DecisionKind
}

func newSchema() *schema {
	return &schema{events: eventFields(), decisions: decisionFields()}
}

func eventFields() [][]field[core.Event] {
	type E = core.Event
	type F = field[E]
	term := F{"term", wireUint, 0, func(e *E) uint64 { return e.Epoch.Term }, func(e *E, v uint64) { e.Epoch.Term = v }}
	epoch := F{"epoch", wireUint, 0, func(e *E) uint64 { return e.Epoch.Number }, func(e *E, v uint64) { e.Epoch.Number = v }}
	slot := F{"slot", wireUint, 0, func(e *E) uint64 { return uint64(e.Handle.Slot) }, func(e *E, v uint64) { e.Handle.Slot = uint32(v) }}
	gen := F{"gen", wireUint, 0, func(e *E) uint64 { return uint64(e.Handle.Gen) }, func(e *E, v uint64) { e.Handle.Gen = uint32(v) }}
	status := F{"status", wireUint, 0, func(e *E) uint64 { return uint64(e.Status) }, func(e *E, v uint64) { e.Status = uint16(v) }}
	retryAfter := F{"retry_after", wireSigned, 0, func(e *E) uint64 { return uint64(e.RetryAfter) }, func(e *E, v uint64) { e.RetryAfter = core.Duration(v) }}
	replayable := F{"replayable", wireBool, 0, func(e *E) uint64 { return bit(e.Replayable) }, func(e *E, v uint64) { e.Replayable = v != 0 }}
	ok := func(name string) F {
		return F{name, wireBool, 0, func(e *E) uint64 { return bit(e.OK) }, func(e *E, v uint64) { e.OK = v != 0 }}
	}
	return [][]F{
		core.EventNone: {},
		core.Arrive: {
			{name: "key", wire: wireKey},
			{name: "id", wire: wireID},
			term, epoch,
			{"source", wireUint, 0, func(e *E) uint64 { return uint64(e.Source) }, func(e *E, v uint64) { e.Source = uint8(v) }},
			{"method", wireEnum, enumMethod, func(e *E) uint64 { return uint64(e.Method) }, func(e *E, v uint64) { e.Method = core.Method(v) }},
			{"length", wireSigned, 0, func(e *E) uint64 { return uint64(e.Length) }, func(e *E, v uint64) { e.Length = int64(v) }},
			replayable,
			{"priority", wireUint, 0, func(e *E) uint64 { return uint64(e.Priority) }, func(e *E, v uint64) { e.Priority = uint8(v) }},
			{"refuse", wireEnum, enumClass, func(e *E) uint64 { return uint64(e.Route.Refuse) }, func(e *E, v uint64) { e.Route.Refuse = core.Class(v) }},
			{"route", wireUint, 0, func(e *E) uint64 { return uint64(e.Via) }, func(e *E, v uint64) { e.Via = uint16(v) }},
			{"split", wireUint, 0, func(e *E) uint64 { return e.Split }, func(e *E, v uint64) { e.Split = v }},
			{"prefer", wireUint, 0, func(e *E) uint64 { return e.Prefer }, func(e *E, v uint64) { e.Prefer = v }},
			slot, gen, // of a waiting request that was matched again
		},
		core.Reply: {slot, gen, status, retryAfter, replayable},
		core.Finish: {
			slot, gen,
			{"class", wireEnum, enumClass, func(e *E) uint64 { return uint64(e.Class) }, func(e *E, v uint64) { e.Class = core.Class(v) }},
			status,
			{"sent", wireBool, 0, func(e *E) uint64 { return bit(e.Sent) }, func(e *E, v uint64) { e.Sent = v != 0 }},
			retryAfter,
			replayable,
		},
		core.Probed: {
			{"endpoint", wireNumber, 0, func(e *E) uint64 { return uint64(int64(e.Endpoint)) }, func(e *E, v uint64) { e.Endpoint = int32(v) }},
			{"token", wireUint, 0, func(e *E) uint64 { return uint64(e.Token) }, func(e *E, v uint64) { e.Token = uint32(v) }},
			ok("ok"),
		},
		core.Adopt: {
			{"config", wireHash, 0, configDigest, func(*E, uint64) {}}, // the reader looks the configuration up
			term, epoch,
			{"origin", wireEnum, enumOrigin, func(e *E) uint64 { return uint64(e.Origin) }, func(e *E, v uint64) { e.Origin = core.Origin(v) }},
			{"fault", wireEnum, enumFault, func(e *E) uint64 { return uint64(e.Fault) }, func(e *E, v uint64) { e.Fault = core.Fault(v) }},
			{"deliberate", wireBool, 0, func(e *E) uint64 { return bit(e.Deliberate) }, func(e *E, v uint64) { e.Deliberate = v != 0 }},
		},
		core.Control: {ok("up")},
		core.Drain:   {{"deadline", wireTime, 0, func(e *E) uint64 { return uint64(e.Deadline) }, func(e *E, v uint64) { e.Deadline = core.Time(v) }}},
		core.Tick:    {},
	}
}

func decisionFields() [][]field[core.Decision] {
	type D = core.Decision
	type F = field[D]
	var (
		rule      = F{"rule", wireUint, 0, func(d *D) uint64 { return uint64(d.Rule) }, func(d *D, v uint64) { d.Rule = uint8(v) }}
		class     = F{"class", wireEnum, enumClass, func(d *D) uint64 { return uint64(d.Class) }, func(d *D, v uint64) { d.Class = core.Class(v) }}
		reason    = F{"reason", wireEnum, enumReason, func(d *D) uint64 { return uint64(d.Reason) }, func(d *D, v uint64) { d.Reason = core.Reason(v) }}
		failover  = F{"failover", wireEnum, enumFailover, func(d *D) uint64 { return uint64(d.Failover) }, func(d *D, v uint64) { d.Failover = core.Failover(v) }}
		circuit   = F{"circuit", wireEnum, enumCircuit, func(d *D) uint64 { return uint64(d.Circuit) }, func(d *D, v uint64) { d.Circuit = core.Circuit(v) }}
		cause     = F{"cause", wireEnum, enumCause, func(d *D) uint64 { return uint64(d.Cause) }, func(d *D, v uint64) { d.Cause = core.Cause(v) }}
		probe     = F{"probe", wireBool, 0, func(d *D) uint64 { return bit(d.Probe) }, func(d *D, v uint64) { d.Probe = v != 0 }}
		status    = F{"status", wireUint, 0, func(d *D) uint64 { return uint64(d.Status) }, func(d *D, v uint64) { d.Status = uint16(v) }}
		token     = F{"token", wireUint, 0, func(d *D) uint64 { return uint64(d.Token) }, func(d *D, v uint64) { d.Token = uint32(v) }}
		count     = F{"count", wireUint, 0, func(d *D) uint64 { return uint64(d.Count) }, func(d *D, v uint64) { d.Count = uint32(v) }}
		placement = F{"placement", wireNumber, 0, func(d *D) uint64 { return uint64(int64(d.Placement)) }, func(d *D, v uint64) { d.Placement = int32(v) }}
		endpoint  = F{"endpoint", wireNumber, 0, func(d *D) uint64 { return uint64(int64(d.Endpoint)) }, func(d *D, v uint64) { d.Endpoint = int32(v) }}
		slot      = F{"slot", wireUint, 0, func(d *D) uint64 { return uint64(d.Handle.Slot) }, func(d *D, v uint64) { d.Handle.Slot = uint32(v) }}
		gen       = F{"gen", wireUint, 0, func(d *D) uint64 { return uint64(d.Handle.Gen) }, func(d *D, v uint64) { d.Handle.Gen = uint32(v) }}
		term      = F{"term", wireUint, 0, func(d *D) uint64 { return d.Epoch.Term }, func(d *D, v uint64) { d.Epoch.Term = v }}
		epoch     = F{"epoch", wireUint, 0, func(d *D) uint64 { return d.Epoch.Number }, func(d *D, v uint64) { d.Epoch.Number = v }}
		at        = F{"at", wireTime, 0, func(d *D) uint64 { return uint64(d.At) }, func(d *D, v uint64) { d.At = core.Time(v) }}
		until     = F{"until", wireTime, 0, func(d *D) uint64 { return uint64(d.Until) }, func(d *D, v uint64) { d.Until = core.Time(v) }}
		pin       = F{"pin", wireBool, 0, func(d *D) uint64 { return bit(d.Pin) }, func(d *D, v uint64) { d.Pin = v != 0 }}
		trip      = F{"trip", wireEnum, enumTrip, func(d *D) uint64 { return uint64(d.Trip) }, func(d *D, v uint64) { d.Trip = core.Trip(v) }}

		bare  = []F{rule, at}
		about = []F{rule, placement, endpoint, at}
		push  = []F{rule, term, epoch, cause, at}
	)
	return [][]F{
		core.DecisionNone:   {},
		core.Forward:        {rule, placement, endpoint, slot, gen, reason, circuit, failover, probe, at, pin, count},
		core.Reject:         {rule, class, status, placement, endpoint, reason, circuit, failover, at, slot, gen},
		core.Abort:          {rule, placement, endpoint, slot, gen, class, at},
		core.Probe:          {rule, placement, endpoint, token, until, at},
		core.CloseIdle:      about,
		core.Ack:            push,
		core.Nack:           {rule, term, epoch, cause, at, count},
		core.NoteOpened:     {rule, placement, endpoint, until, at, trip},
		core.NoteHalfOpened: about,
		core.NoteClosed:     about,
		core.NoteTripCapped: {rule, placement, endpoint, count, at, trip},
		core.NoteHealthy:    about,
		core.NoteUnhealthy:  about,
		core.NoteAdopted:    {rule, term, epoch, at},
		core.NoteRetired:    about,
		core.NoteControl:    bare,
		core.NoteDraining:   {rule, until, at},
		core.NoteDrained:    {rule, count, at},
		core.NoteIgnored:    {rule, cause, at},
		core.NoteBug:        {rule, cause, at},
		core.Queued:         {rule, placement, slot, gen, reason, count, until, at},
		core.Retry:          {rule, placement, endpoint, slot, gen, class, status, count, until, at},

		core.NotePanicEntered: {rule, placement, count, at},
		core.NotePanicLeft:    {rule, placement, count, at},
		core.NoteLimitChanged: {rule, placement, count, at},
	}
}

func configDigest(e *core.Event) uint64 {
	if e.Config == nil {
		return 0
	}
	return e.Config.Digest()
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// KindFields names the fields that are recorded of one kind of event or decision.
type KindFields struct {
	Kind     string // as it is printed
	Decision bool   // else an event
	Fields   []string
}

// RecordedFields lists every field that a trace can hold of events and
// decisions, for who must account for what is recorded.
func RecordedFields() (out []KindFields) {
	for k, fields := range eventFields() {
		f := KindFields{Kind: core.EventKind(k).String()}
		for i := range fields {
			f.Fields = append(f.Fields, fields[i].name)
		}
		out = append(out, f)
	}
	for k, fields := range decisionFields() {
		f := KindFields{Kind: core.DecisionKind(k).String(), Decision: true}
		for i := range fields {
			f.Fields = append(f.Fields, fields[i].name)
		}
		out = append(out, f)
	}
	return out
}

package core

// EventKind numbers the inputs of the machine. The numbers are part of the trace format.
type EventKind uint8

// Event kinds. SPEC.md has the field table of each.
const (
	EventNone EventKind = iota
	Arrive              // a request came
	Reply               // its response body outlived settle
	Finish              // its attempt ended
	Probed              // an active probe ended
	Adopt               // a configuration came
	Control             // the control plane went up or down
	Drain               // stop admitting; abort what is left at the deadline
	Tick                // nothing but time
	eventKinds
)

// Method is the class of a request's method (RFC 9110, 9.2).
type Method uint8

// Method classes.
const (
	MethodSafe Method = iota
	MethodIdempotent
	MethodOther
)

// Origin says where a configuration came from.
type Origin uint8

// Origins of a configuration.
const (
	OriginFile Origin = iota
	OriginControl
	OriginDisk
	OriginBootstrap
)

// Fault says why a configuration could not even be tried.
type Fault uint8

// Faults of a push. FaultNone: there is a Config to adopt.
const (
	FaultNone Fault = iota
	FaultInvalid
	FaultNotPersisted
)

// Epoch orders configurations: by Term, then Number (R12). The zero Epoch means none.
type Epoch struct{ Term, Number uint64 }

// Compare returns -1, 0 or +1.
func (e Epoch) Compare(f Epoch) int {
	switch {
	case e == f:
		return 0
	case e.Term < f.Term, e.Term == f.Term && e.Number < f.Number:
		return -1
	}
	return +1
}

// Handle names one admitted attempt until its Finish. The zero Handle means none.
type Handle struct {
	Slot uint32 // place in the in-flight table, the lowest free one at admission
	Gen  uint32 // distinguishes the successive holders of a slot; never 0
}

// Event is one input. Only the fields of its kind are read; SPEC.md lists them.
type Event struct {
	Kind   EventKind
	Method Method
	Source uint8 // Arrive: which of the route's key sources gave the key, from 0
	// Via is the route by which a request came, in the configuration of Epoch (R1).
	Via    uint16
	Class  Class // Finish: ClassNone for a completed response
	Origin Origin
	Fault  Fault
	// Priority is the request's criticality, 0 to 7; 0 is the most critical (R5).
	Priority   uint8
	Replayable bool // Arrive: the body could be sent again. Reply, Finish: it can be, as it turned out
	Deliberate bool // Adopt: the operator means it, however much it changes (R13)
	Sent       bool // Finish: some of the request reached the upstream
	OK         bool // Probed: the probe passed. Control: up
	Status     uint16
	Token      uint32 // Probed: the token of the Probe decision
	Endpoint   int32  // Probed: the endpoint's number
	Handle     Handle // Reply, Finish. Arrive: the waiting request that was matched again, zero for a new one
	Request    uint64 // Arrive: 64 bits of the request id's hash; may repeat
	Split      uint64 // Arrive: hash of who is to stay on one side of a split; 0 means the request
	Prefer     uint64 // Arrive: identity of the endpoint that the client's sticky cookie names, 0 for none (R10)
	Epoch      Epoch  // Arrive: under which Route was matched. Adopt: the push's own, zero for none
	Route      Route  // Arrive: what Match said
	Length     int64  // Arrive: bytes of body, -1 unknown
	RetryAfter Duration
	Deadline   Time    // Drain: when to abort what is left
	Config     *Config // Adopt; nil only with a Fault
	// Change is, of an Adopt, what Compare says of Config and the one in force, to
	// save the router the time; nil, or one of others, and it works that out itself.
	Change *Change

	// Of a request that comes again, set by core alone.
	again   *journey // nil for a new request
	slot    uint32   // in the in-flight table
	turn    bool     // it is first in its home's queue
	fresh   bool     // endpoints that it has tried are passed over
	skipped bool     // some were
}

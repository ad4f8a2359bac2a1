package core

// DecisionKind numbers the outputs of the machine. The numbers are part of the trace format.
type DecisionKind uint8

// Decision kinds: commands first, notes from NoteOpened on.
const (
	DecisionNone DecisionKind = iota
	Forward                   // send the request to Endpoint
	Reject                    // answer Status
	Abort                     // cut the attempt Handle
	Probe                     // check Endpoint's health, report with Token
	CloseIdle                 // close the idle connections of Endpoint
	Ack                       // Epoch is in force
	Nack                      // the push was refused: Cause
	NoteOpened
	NoteHalfOpened
	NoteClosed
	NoteTripCapped
	NoteHealthy
	NoteUnhealthy
	NoteAdopted
	NoteRetired
	NoteControl
	NoteDraining
	NoteDrained
	NoteIgnored
	NoteBug
	Queued           // wait in Placement's queue until Until: a Forward or a Reject with this Handle ends it
	Retry            // wait until Until: as Queued; the attempt is over and Handle is a new one
	NotePanicEntered // too few endpoints are usable: Count are (R9)
	NotePanicLeft
	NoteLimitChanged // the adaptive limit of a placement is Count from now on (R5)
	decisionKinds
)

// Reason is X-Route-Reason: why the key belongs to its placement.
type Reason uint8

// Route reasons.
const (
	ReasonNone Reason = iota
	ReasonDedicated
	ReasonTier
	ReasonDefault
)

// Failover is X-Failover-Reason: why the first candidate was left (R3).
type Failover uint8

// Failover reasons.
const (
	FailoverNone Failover = iota
	FailoverCircuitOpen
	FailoverUnhealthy
	FailoverLimit
)

// Circuit is X-Circuit-State. CircuitNone: the header is left out.
type Circuit uint8

// Circuit states.
const (
	CircuitNone Circuit = iota
	Closed
	Open
	HalfOpen
)

// Trip says which count of R6 tripped a breaker.
type Trip uint8

// Trips. TripConsecutive is also what a relapse carries.
const (
	TripConsecutive Trip = iota
	TripRatio
	TripSlow
	trips
)

// Cause qualifies Nack, NoteIgnored and NoteBug.
type Cause uint8

// Causes.
const (
	CauseNone Cause = iota
	CauseStale
	CauseEpochConflict
	CauseInvalid
	CauseNotPersisted
	CauseUnknownHandle // no such attempt, or it has ended
	CauseSecondReply
	CauseOldGeneration // the breaker has moved on since the attempt began
	CauseBadStatus
	CauseLateProbe
	CauseBadRoute // an Arrive matched under another epoch, or with a route outside the table
	CauseBadEvent
	CauseTableFull
	CauseInvariant
	// Of a Nack: the push goes beyond this guard (R13). In the order of GuardSpec.
	CauseKeysRerouted
	CauseKeysRemoved
	CauseEndpointsRemoved
	CauseLimitLowered
)

// Decision is one output. Only the fields of its kind are set; SPEC.md lists
// them. Numbers of placements and endpoints are those of Router.Placement and
// Router.Endpoint; -1 means none.
type Decision struct {
	Kind     DecisionKind
	Rule     uint8 // the rule that made it: 3 for R3
	Class    Class
	Reason   Reason
	Failover Failover
	Circuit  Circuit
	Cause    Cause
	Probe    bool // Forward: this request is a half-open probe
	Pin      bool // Forward: the edge sets the sticky cookie to this endpoint (R10)
	Trip     Trip // NoteOpened, NoteTripCapped: what tripped it
	Status   uint16
	Token    uint32
	// Count is, of NoteTripCapped, the endpoints open; of NoteDrained, the attempts
	// aborted in its last batch; of NotePanicEntered and NotePanicLeft, the endpoints
	// usable; of NoteLimitChanged, the limit; of Queued, the requests in the queue,
	// this one included; of Retry and of a Forward that follows one, the attempt's
	// number from 2; of a Nack for a guard, how much the push changes, in parts per
	// million of what is in force.
	Count     uint32
	Placement int32
	Endpoint  int32
	Handle    Handle
	Epoch     Epoch
	At        Time // when it took effect: the deadline that fired, else the Step's now
	Until     Time // NoteOpened: ready for a probe; Probe: its guard; NoteDraining: the deadline; Queued: gives up; Retry: due
}

package traces

import "lockstep/core"

// enum numbers the enumerations whose values NDJSON prints by name. The
// numbers of the values are core's; README.md lists them.
type enum uint8

const (
	enumNone enum = iota
	enumMethod
	enumClass
	enumOrigin
	enumFault
	enumReason
	enumFailover
	enumCircuit
	enumCause
	enumEvent
	enumDecision
	enumPolicy
	enumWhenFull
	enumLastResort
	enumQueueOrder
	enumRetryMethods
	enumPanic
	enumTrip
)

// size returns how many values have a name.
func (e enum) size() uint64 {
	switch e {
	case enumMethod:
		return 3
	case enumClass:
		return uint64(core.Classes)
	case enumOrigin:
		return uint64(core.OriginBootstrap) + 1
	case enumFault:
		return uint64(core.FaultNotPersisted) + 1
	case enumReason:
		return uint64(core.ReasonDefault) + 1
	case enumFailover:
		return uint64(core.FailoverLimit) + 1
	case enumCircuit:
		return uint64(core.HalfOpen) + 1
	case enumCause:
		return uint64(core.CauseLimitLowered) + 1
	case enumEvent:
		return uint64(core.Tick) + 1
	case enumDecision:
		return uint64(core.NoteLimitChanged) + 1
	case enumPolicy:
		return uint64(core.EWMA) + 1
	case enumWhenFull:
		return uint64(core.QueueWhenFull) + 1
	case enumLastResort:
		return uint64(core.RefuseLastResort) + 1
	case enumQueueOrder:
		return uint64(core.NewestFirst) + 1
	case enumRetryMethods:
		return uint64(core.RetryAny) + 1
	case enumPanic:
		return uint64(core.PanicFailOver) + 1
	case enumTrip:
		return uint64(core.TripSlow) + 1
	}
	return 0
}

// name returns the name of value v, "" when it has none.
func (e enum) name(v uint64) string {
	if v >= e.size() {
		return ""
	}
	switch e {
	case enumMethod:
		return [...]string{"safe", "idempotent", "other"}[v]
	case enumClass:
		return core.Class(v).String()
	case enumOrigin:
		return core.Origin(v).String()
	case enumFault:
		return [...]string{"none", "invalid", "not_persisted"}[v]
	case enumReason:
		return core.Reason(v).String()
	case enumFailover:
		return core.Failover(v).String()
	case enumCircuit:
		return core.Circuit(v).String()
	case enumCause:
		return core.Cause(v).String()
	case enumEvent:
		return core.EventKind(v).String()
	case enumDecision:
		return core.DecisionKind(v).String()
	case enumPolicy:
		return core.Policy(v).String()
	case enumWhenFull:
		return [...]string{"reject", "fail_over", "queue"}[v]
	case enumLastResort:
		return [...]string{"use", "refuse"}[v]
	case enumQueueOrder:
		return [...]string{"fifo", "newest_first"}[v]
	case enumRetryMethods:
		return [...]string{"safe", "idempotent", "any"}[v]
	case enumPanic:
		return core.PanicMode(v).String()
	case enumTrip:
		return core.Trip(v).String()
	}
	return ""
}

// print returns the name of v, "" for 0: a zero value is left out.
func (e enum) print(v uint64) string {
	if v == 0 {
		return ""
	}
	return e.name(v)
}

// value returns the value that has the name.
func (e enum) value(name string) (uint64, bool) {
	for v := range e.size() {
		if e.name(v) == name {
			return v, true
		}
	}
	return 0, false
}

package core

// Names of enumerations as configuration, traces, headers and logs print them.
// A switch, not a table: core has no package variables.

// String returns the event's name.
func (k EventKind) String() string {
	switch k {
	case Arrive:
		return "arrive"
	case Reply:
		return "reply"
	case Finish:
		return "finish"
	case Probed:
		return "probed"
	case Adopt:
		return "adopt"
	case Control:
		return "control"
	case Drain:
		return "drain"
	case Tick:
		return "tick"
	}
	return "none"
}

// String returns the decision's name.
func (k DecisionKind) String() string {
	switch k {
	case Forward:
		return "forward"
	case Reject:
		return "reject"
	case Abort:
		return "abort"
	case Probe:
		return "probe"
	case CloseIdle:
		return "close_idle"
	case Ack:
		return "ack"
	case Nack:
		return "nack"
	case Queued:
		return "queued"
	case Retry:
		return "retry"
	}
	return k.noteName()
}

func (k DecisionKind) noteName() string {
	switch k {
	case NoteOpened:
		return "opened"
	case NoteHalfOpened:
		return "half_opened"
	case NoteClosed:
		return "closed"
	case NoteTripCapped:
		return "trip_capped"
	case NoteHealthy:
		return "healthy"
	case NoteUnhealthy:
		return "unhealthy"
	case NoteAdopted:
		return "adopted"
	case NoteRetired:
		return "retired"
	case NoteControl:
		return "control"
	case NoteDraining:
		return "draining"
	case NoteDrained:
		return "drained"
	case NoteIgnored:
		return "ignored"
	case NoteBug:
		return "bug"
	case NotePanicEntered:
		return "panic_entered"
	case NotePanicLeft:
		return "panic_left"
	case NoteLimitChanged:
		return "limit_changed"
	}
	return "none"
}

// String returns the value of X-Route-Reason.
func (r Reason) String() string {
	switch r {
	case ReasonDedicated:
		return "dedicated"
	case ReasonTier:
		return "tier"
	case ReasonDefault:
		return "default"
	}
	return ""
}

// String returns the value of X-Failover-Reason.
func (f Failover) String() string {
	switch f {
	case FailoverCircuitOpen:
		return "circuit_open"
	case FailoverUnhealthy:
		return "upstream_unhealthy"
	case FailoverLimit:
		return "concurrency_limit"
	}
	return ""
}

// String returns the value of X-Circuit-State.
func (c Circuit) String() string {
	switch c {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half_open"
	}
	return ""
}

// String returns the trip's name.
func (t Trip) String() string {
	switch t {
	case TripRatio:
		return "ratio"
	case TripSlow:
		return "slow"
	}
	return "consecutive"
}

// String returns the cause's name.
func (c Cause) String() string {
	switch c {
	case CauseStale:
		return "stale"
	case CauseEpochConflict:
		return "epoch_conflict"
	case CauseInvalid:
		return "invalid"
	case CauseNotPersisted:
		return "not_persisted"
	case CauseUnknownHandle:
		return "unknown_handle"
	case CauseSecondReply:
		return "second_reply"
	case CauseOldGeneration:
		return "old_generation"
	case CauseBadStatus:
		return "bad_status"
	case CauseLateProbe:
		return "late_probe"
	case CauseBadRoute:
		return "bad_route"
	case CauseBadEvent:
		return "bad_event"
	case CauseTableFull:
		return "table_full"
	case CauseInvariant:
		return "invariant"
	case CauseKeysRerouted:
		return "keys_rerouted"
	case CauseKeysRemoved:
		return "keys_removed"
	case CauseEndpointsRemoved:
		return "endpoints_removed"
	case CauseLimitLowered:
		return "limit_lowered"
	}
	return "none"
}

// String returns the origin's name.
func (o Origin) String() string {
	switch o {
	case OriginControl:
		return "control_plane"
	case OriginDisk:
		return "disk"
	case OriginBootstrap:
		return "bootstrap"
	}
	return "file"
}

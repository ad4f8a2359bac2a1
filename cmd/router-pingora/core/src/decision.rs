//! The outputs of the machine.

use crate::class::Class;
use crate::event::{Epoch, Handle};
use crate::names::enumeration;
use crate::time::Time;

enumeration! {
    /// Numbers the outputs of the machine. The numbers are part of the trace format. Commands
    /// first, notes from `NOTE_OPENED` on.
    DecisionKind {
        /// No decision.
        NONE = 0,
        /// Send the request to `endpoint`.
        FORWARD = 1,
        /// Answer `status`.
        REJECT = 2,
        /// Cut the attempt `handle`.
        ABORT = 3,
        /// Check the endpoint's health, report with `token`.
        PROBE = 4,
        /// Close the idle connections of the endpoint.
        CLOSE_IDLE = 5,
        /// `epoch` is in force.
        ACK = 6,
        /// The push was refused: `cause`.
        NACK = 7,
        /// A breaker opened.
        NOTE_OPENED = 8,
        /// A breaker lets a probe through.
        NOTE_HALF_OPENED = 9,
        /// A breaker closed.
        NOTE_CLOSED = 10,
        /// A breaker would have opened, but too many are open.
        NOTE_TRIP_CAPPED = 11,
        /// An endpoint became healthy.
        NOTE_HEALTHY = 12,
        /// An endpoint became unhealthy.
        NOTE_UNHEALTHY = 13,
        /// A configuration came into force.
        NOTE_ADOPTED = 14,
        /// An endpoint that left has no attempt any more.
        NOTE_RETIRED = 15,
        /// The control plane went up or down.
        NOTE_CONTROL = 16,
        /// A drain began.
        NOTE_DRAINING = 17,
        /// A drain has told everyone.
        NOTE_DRAINED = 18,
        /// An event, or part of it, changed nothing: `cause`.
        NOTE_IGNORED = 19,
        /// An invariant is broken.
        NOTE_BUG = 20,
        /// Wait in the placement's queue until `until`: a Forward or a Reject with this handle
        /// ends it.
        QUEUED = 21,
        /// Wait until `until`: as Queued; the attempt is over and `handle` is a new one.
        RETRY = 22,
        /// Too few endpoints are usable: `count` are (R9).
        NOTE_PANIC_ENTERED = 23,
        /// Enough are usable again.
        NOTE_PANIC_LEFT = 24,
        /// The adaptive limit of a placement is `count` from now on (R5).
        NOTE_LIMIT_CHANGED = 25,
    }
}

enumeration! {
    /// X-Route-Reason: why the key belongs to its placement.
    Reason {
        /// It does not.
        NONE = 0,
        /// The placement is the key's own cell.
        DEDICATED = 1,
        /// The placement is a shared tier.
        TIER = 2,
        /// The key is unknown.
        DEFAULT = 3,
    }
}

enumeration! {
    /// X-Failover-Reason: why the first candidate was left (R3).
    Failover {
        /// It was not.
        NONE = 0,
        /// A breaker.
        CIRCUIT_OPEN = 1,
        /// Health.
        UNHEALTHY = 2,
        /// It was full.
        LIMIT = 3,
    }
}

enumeration! {
    /// X-Circuit-State.
    Circuit {
        /// The header is left out.
        NONE = 0,
        /// Requests pass.
        CLOSED = 1,
        /// None do.
        OPEN = 2,
        /// Probes do.
        HALF_OPEN = 3,
    }
}

enumeration! {
    /// Which count of R6 tripped a breaker.
    Trip {
        /// Failures in a row; also what a relapse carries.
        CONSECUTIVE = 0,
        /// The share of failures in the window.
        RATIO = 1,
        /// The share of slow calls in the window.
        SLOW = 2,
    }
}

enumeration! {
    /// Qualifies Nack, NoteIgnored and NoteBug.
    Cause {
        /// None.
        NONE = 0,
        /// A later epoch is in force.
        STALE = 1,
        /// Another configuration has this epoch.
        EPOCH_CONFLICT = 2,
        /// It does not compile.
        INVALID = 3,
        /// It could not be kept on disk.
        NOT_PERSISTED = 4,
        /// No such attempt, or it has ended.
        UNKNOWN_HANDLE = 5,
        /// The outcome is booked already.
        SECOND_REPLY = 6,
        /// The breaker has moved on since the attempt began.
        OLD_GENERATION = 7,
        /// A status or class outside its range.
        BAD_STATUS = 8,
        /// The probe's guard came first, or its endpoint is gone.
        LATE_PROBE = 9,
        /// An Arrive matched under another epoch, or with a route outside the table.
        BAD_ROUTE = 10,
        /// No such event.
        BAD_EVENT = 11,
        /// The table of attempts is full.
        TABLE_FULL = 12,
        /// An invariant is broken.
        INVARIANT = 13,
        /// Of a Nack: the push goes beyond this guard (R13). In the order of `GuardSpec`.
        KEYS_REROUTED = 14,
        /// As before, of keys that are gone.
        KEYS_REMOVED = 15,
        /// As before, of endpoints that are gone.
        ENDPOINTS_REMOVED = 16,
        /// As before, of limits.
        LIMIT_LOWERED = 17,
    }
}

/// One output. Only the fields of its kind are set; SPEC.md lists them. Numbers of placements
/// and endpoints are those of `Router::placement` and `Router::endpoint`; -1 means none.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Decision {
    /// What to do, or what happened.
    pub kind: DecisionKind,
    /// The rule that made it: 3 for R3.
    pub rule: u8,
    /// Why a request is refused, an attempt cut or repeated.
    pub class: Class,
    /// Why the key belongs to its placement.
    pub reason: Reason,
    /// Why the first candidate was left.
    pub failover: Failover,
    /// State of the breaker that served or refuses.
    pub circuit: Circuit,
    /// Qualifies Nack, NoteIgnored and NoteBug.
    pub cause: Cause,
    /// Forward: this request is a half-open probe.
    pub probe: bool,
    /// Forward: the edge sets the sticky cookie to this endpoint (R10).
    pub pin: bool,
    /// NoteOpened, NoteTripCapped: what tripped it.
    pub trip: Trip,
    /// Reject: the answer. Retry: the upstream's.
    pub status: u16,
    /// Probe: to report with.
    pub token: u32,
    /// Of NoteTripCapped, the endpoints open; of NoteDrained, the attempts aborted in its last
    /// batch; of NotePanicEntered and NotePanicLeft, the endpoints usable; of NoteLimitChanged,
    /// the limit; of Queued, the requests in the queue, this one included; of Retry and of a
    /// Forward that follows one, the attempt's number from 2; of a Nack for a guard, how much the
    /// push changes, in parts per million of what is in force.
    pub count: u32,
    /// Number of the placement, -1 for none.
    pub placement: i32,
    /// Number of the endpoint, -1 for none.
    pub endpoint: i32,
    /// The attempt, or the waiting request.
    pub handle: Handle,
    /// Ack, Nack, NoteAdopted.
    pub epoch: Epoch,
    /// When it took effect: the deadline that fired, else the step's now.
    pub at: Time,
    /// NoteOpened: ready for a probe; Probe: its guard; NoteDraining: the deadline; Queued: gives
    /// up; Retry: due.
    pub until: Time,
}

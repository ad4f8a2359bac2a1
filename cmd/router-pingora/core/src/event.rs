//! The inputs of the machine.

use crate::class::Class;
use crate::config::{Config, Route};
use crate::guard::Change;
use crate::names::enumeration;
use crate::time::{Duration, Time};
use alloc::sync::Arc;

enumeration! {
    /// Numbers the inputs of the machine. The numbers are part of the trace format. SPEC.md has
    /// the field table of each.
    EventKind {
        /// No event; a step ignores it with a note.
        NONE = 0,
        /// A request came.
        ARRIVE = 1,
        /// Its response body outlived settle.
        REPLY = 2,
        /// Its attempt ended.
        FINISH = 3,
        /// An active probe ended.
        PROBED = 4,
        /// A configuration came.
        ADOPT = 5,
        /// The control plane went up or down.
        CONTROL = 6,
        /// Stop admitting; abort what is left at the deadline.
        DRAIN = 7,
        /// Nothing but time.
        TICK = 8,
    }
}

enumeration! {
    /// The class of a request's method (RFC 9110, 9.2).
    Method {
        /// It changes nothing.
        SAFE = 0,
        /// Twice is as good as once.
        IDEMPOTENT = 1,
        /// Anything else.
        OTHER = 2,
    }
}

enumeration! {
    /// Where a configuration came from.
    Origin {
        /// The file that the operator named.
        FILE = 0,
        /// A control plane.
        CONTROL = 1,
        /// What was kept on disk of an earlier run.
        DISK = 2,
        /// The bootstrap file.
        BOOTSTRAP = 3,
    }
}

enumeration! {
    /// Why a configuration could not even be tried.
    Fault {
        /// There is a configuration to adopt.
        NONE = 0,
        /// It does not compile.
        INVALID = 1,
        /// It could not be kept on disk.
        NOT_PERSISTED = 2,
    }
}

/// Orders configurations: by term, then number (R12). The zero epoch means none.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Epoch {
    /// The term of the control plane's leader.
    pub term: u64,
    /// The number within the term.
    pub number: u64,
}

/// Names one admitted attempt until its Finish. The zero handle means none.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Handle {
    /// Place in the in-flight table, the lowest free one at admission.
    pub slot: u32,
    /// Distinguishes the successive holders of a slot; never 0.
    pub r#gen: u32,
}

/// One input. Only the fields of its kind are read; SPEC.md lists them.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Arrive: the class of its method.
    pub method: Method,
    /// Arrive: which of the route's key sources gave the key, from 0.
    pub source: u8,
    /// The route by which a request came, in the configuration of `epoch` (R1).
    pub via: u16,
    /// Finish: `Class::NONE` for a completed response.
    pub class: Class,
    /// Adopt: where the configuration came from.
    pub origin: Origin,
    /// Adopt: why there is none to try.
    pub fault: Fault,
    /// The request's criticality, 0 to 7; 0 is the most critical (R5).
    pub priority: u8,
    /// Arrive: the body could be sent again. Reply, Finish: it can be, as it turned out.
    pub replayable: bool,
    /// Adopt: the operator means it, however much it changes (R13).
    pub deliberate: bool,
    /// Finish: some of the request reached the upstream.
    pub sent: bool,
    /// Probed: the probe passed. Control: up.
    pub ok: bool,
    /// Reply, Finish: the upstream's status.
    pub status: u16,
    /// Probed: the token of the Probe decision.
    pub token: u32,
    /// Probed: the endpoint's number.
    pub endpoint: i32,
    /// Reply, Finish. Arrive: the waiting request that was matched again, zero for a new one.
    pub handle: Handle,
    /// Arrive: 64 bits of the request id's hash; may repeat.
    pub request: u64,
    /// Arrive: hash of who is to stay on one side of a split; 0 means the request.
    pub split: u64,
    /// Arrive: identity of the endpoint that the client's sticky cookie names, 0 for none (R10).
    pub prefer: u64,
    /// Arrive: under which `route` was matched. Adopt: the push's own, zero for none.
    pub epoch: Epoch,
    /// Arrive: what `Config::match_via` said.
    pub route: Route,
    /// Arrive: bytes of body, -1 unknown.
    pub length: i64,
    /// Reply, Finish: what the upstream asked for, in nanoseconds; 0 for nothing.
    pub retry_after: Duration,
    /// Drain: when to abort what is left.
    pub deadline: Time,
    /// Adopt; none only with a fault.
    pub config: Option<Arc<Config>>,
    /// Of an Adopt, what `compare` says of `config` and the one in force, to save the router the
    /// time; none, or one of others, and it works that out itself.
    pub change: Option<Arc<Change>>,
}

impl Event {
    /// Returns what decides which part of a split an Arrive falls into: `split` where the edge
    /// gave one, else the request's own hash.
    pub fn split_hash(&self) -> u64 {
        if self.split != 0 { self.split } else { self.request }
    }
}

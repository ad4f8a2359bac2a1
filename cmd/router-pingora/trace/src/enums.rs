//! The enumerations whose values the printed view prints by name. The numbers and most of the names are
//! core's; SPEC.md lists them.

use lockstep_core::{
    CLASSES, Cause, Circuit, Class, DecisionKind, EventKind, Failover, Origin, PanicMode, Policy, Reason, Trip,
};

/// One of the enumerations.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Enum {
    None,
    Method,
    Class,
    Origin,
    Fault,
    Reason,
    Failover,
    Circuit,
    Cause,
    Event,
    Decision,
    Policy,
    WhenFull,
    LastResort,
    QueueOrder,
    RetryMethods,
    Panic,
    Trip,
}

const METHODS: [&str; 3] = ["safe", "idempotent", "other"];
const FAULTS: [&str; 3] = ["none", "invalid", "not_persisted"];
const WHEN_FULL: [&str; 3] = ["reject", "fail_over", "queue"];
const LAST_RESORTS: [&str; 2] = ["use", "refuse"];
const QUEUE_ORDERS: [&str; 2] = ["fifo", "newest_first"];
const RETRY_METHODS: [&str; 3] = ["safe", "idempotent", "any"];

impl Enum {
    /// How many values have a name.
    fn size(self) -> u8 {
        match self {
            Enum::None => 0,
            Enum::LastResort | Enum::QueueOrder => 2,
            Enum::Method | Enum::Fault | Enum::WhenFull | Enum::RetryMethods => 3,
            Enum::Class => CLASSES,
            Enum::Origin => Origin::BOOTSTRAP.0 + 1,
            Enum::Reason => Reason::DEFAULT.0 + 1,
            Enum::Failover => Failover::LIMIT.0 + 1,
            Enum::Circuit => Circuit::HALF_OPEN.0 + 1,
            Enum::Cause => Cause::LIMIT_LOWERED.0 + 1,
            Enum::Event => EventKind::TICK.0 + 1,
            Enum::Decision => DecisionKind::NOTE_LIMIT_CHANGED.0 + 1,
            Enum::Policy => Policy::EWMA.0 + 1,
            Enum::Panic => PanicMode::FAIL_OVER.0 + 1,
            Enum::Trip => Trip::SLOW.0 + 1,
        }
    }

    /// The name of value v, "" when it has none.
    pub fn name(self, v: u64) -> &'static str {
        if v >= u64::from(self.size()) {
            return "";
        }
        let v = v as u8;
        let at = usize::from(v);
        match self {
            Enum::None => "",
            Enum::Method => METHODS[at],
            Enum::Class => Class(v).as_str(),
            Enum::Origin => Origin(v).as_str(),
            Enum::Fault => FAULTS[at],
            Enum::Reason => Reason(v).as_str(),
            Enum::Failover => Failover(v).as_str(),
            Enum::Circuit => Circuit(v).as_str(),
            Enum::Cause => Cause(v).as_str(),
            Enum::Event => EventKind(v).as_str(),
            Enum::Decision => DecisionKind(v).as_str(),
            Enum::Policy => Policy(v).as_str(),
            Enum::WhenFull => WHEN_FULL[at],
            Enum::LastResort => LAST_RESORTS[at],
            Enum::QueueOrder => QUEUE_ORDERS[at],
            Enum::RetryMethods => RETRY_METHODS[at],
            Enum::Panic => PanicMode(v).as_str(),
            Enum::Trip => Trip(v).as_str(),
        }
    }

    /// The name of v, "" for 0: a zero value is left out.
    pub fn print(self, v: u8) -> &'static str {
        if v == 0 { "" } else { self.name(u64::from(v)) }
    }

    /// The value that has the name.
    pub fn value(self, name: &[u8]) -> Option<u8> {
        (0..self.size()).find(|&v| self.name(u64::from(v)).as_bytes() == name)
    }
}

//! The one table that both forms are made from: the fields of every kind of event and decision.

use lockstep_core::{Decision, DecisionKind, Event, EventKind, Time};

use crate::enums::Enum;

/// How a field is written. In both forms a field is left out when it has the value named here as
/// absent; README has the table.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wire {
    /// Unsigned varint; absent: 0.
    Uint,
    /// Unsigned varint, in NDJSON a name; absent: 0.
    Enum,
    /// No bytes, present means true.
    Bool,
    /// Zigzag varint; absent: 0.
    Signed,
    /// Zigzag varint relative to the fact's time, in NDJSON absolute; absent: the fact's time.
    Time,
    /// Unsigned varint of the number plus 1; absent: -1, none.
    Number,
    /// 8 bytes little-endian, in NDJSON 16 hex digits; absent: 0.
    Hash,
    /// String table reference; absent: empty.
    Key,
    /// 16 bytes big-endian, in NDJSON 32 hex digits; absent: 0.
    Id,
}

impl Wire {
    /// Maps a value to the number that is written, 0 when it is left out.
    pub fn encode(self, v: u64, now: Time) -> u64 {
        match self {
            Wire::Signed => zigzag(v as i64),
            Wire::Time => zigzag((v as i64).wrapping_sub(now)),
            Wire::Number => v.wrapping_add(1),
            _ => v,
        }
    }

    /// The inverse of encode.
    pub fn decode(self, v: u64, now: Time) -> u64 {
        match self {
            Wire::Signed => unzigzag(v) as u64,
            Wire::Time => unzigzag(v).wrapping_add(now) as u64,
            Wire::Number => v.wrapping_sub(1),
            _ => v,
        }
    }
}

pub(crate) fn zigzag(v: i64) -> u64 {
    (v as u64) << 1 ^ (v >> 63) as u64
}

pub(crate) fn unzigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

/// One column of an event or a decision. Its name is the NDJSON key.
pub(crate) struct Field<T: 'static> {
    pub name: &'static str,
    pub wire: Wire,
    pub of: Enum, // of Wire::Enum
    pub get: fn(&T) -> u64,
    pub set: fn(&mut T, u64),
}

/// A whole number or an enumeration at that place of the struct.
macro_rules! number {
    ($name:literal, $wire:ident, $of:ident, $($place:tt)+) => {
        Field {
            name: $name,
            wire: Wire::$wire,
            of: Enum::$of,
            get: |t| t.$($place)+ as i64 as u64,
            set: |t, v| t.$($place)+ = v as _,
        }
    };
}

macro_rules! flag {
    ($name:literal, $place:ident) => {
        Field {
            name: $name,
            wire: Wire::Bool,
            of: Enum::None,
            get: |t| u64::from(t.$place),
            set: |t, v| t.$place = v != 0,
        }
    };
}

/// A column that the readers and writers deal with by its wire alone.
macro_rules! special {
    ($name:literal, $wire:ident) => {
        Field { name: $name, wire: Wire::$wire, of: Enum::None, get: |_| 0, set: |_, _| {} }
    };
}

type E = Field<Event>;
type D = Field<Decision>;

const E_TERM: E = number!("term", Uint, None, epoch.term);
const E_EPOCH: E = number!("epoch", Uint, None, epoch.number);
const E_SLOT: E = number!("slot", Uint, None, handle.slot);
const E_GEN: E = number!("gen", Uint, None, handle.r#gen);
const E_STATUS: E = number!("status", Uint, None, status);
const E_RETRY_AFTER: E = number!("retry_after", Signed, None, retry_after);
const E_REPLAYABLE: E = flag!("replayable", replayable);

static ARRIVE: [E; 15] = [
    special!("key", Key),
    special!("id", Id),
    E_TERM,
    E_EPOCH,
    number!("source", Uint, None, source),
    number!("method", Enum, Method, method.0),
    number!("length", Signed, None, length),
    E_REPLAYABLE,
    number!("priority", Uint, None, priority),
    number!("refuse", Enum, Class, route.refuse.0),
    number!("route", Uint, None, via),
    number!("split", Uint, None, split),
    number!("prefer", Uint, None, prefer),
    E_SLOT, // of a waiting request that was matched again
    E_GEN,
];
static REPLY: [E; 5] = [E_SLOT, E_GEN, E_STATUS, E_RETRY_AFTER, E_REPLAYABLE];
static FINISH: [E; 7] =
    [E_SLOT, E_GEN, number!("class", Enum, Class, class.0), E_STATUS, flag!("sent", sent), E_RETRY_AFTER, E_REPLAYABLE];
static PROBED: [E; 3] =
    [number!("endpoint", Number, None, endpoint), number!("token", Uint, None, token), flag!("ok", ok)];
static ADOPT: [E; 6] = [
    Field { get: config_digest, ..special!("config", Hash) }, // the reader looks the configuration up
    E_TERM,
    E_EPOCH,
    number!("origin", Enum, Origin, origin.0),
    number!("fault", Enum, Fault, fault.0),
    flag!("deliberate", deliberate),
];
static CONTROL: [E; 1] = [flag!("up", ok)];
static DRAIN: [E; 1] = [number!("deadline", Time, None, deadline)];

fn config_digest(ev: &Event) -> u64 {
    ev.config.as_ref().map_or(0, |c| c.digest())
}

/// The number of kinds of event that this version knows.
pub(crate) const EVENT_KINDS: u8 = EventKind::TICK.0 + 1;

/// The fields of an event of that kind, at most 16, in order; the place of a field is its presence bit.
pub(crate) fn event_fields(kind: EventKind) -> &'static [E] {
    match kind {
        EventKind::ARRIVE => &ARRIVE,
        EventKind::REPLY => &REPLY,
        EventKind::FINISH => &FINISH,
        EventKind::PROBED => &PROBED,
        EventKind::ADOPT => &ADOPT,
        EventKind::CONTROL => &CONTROL,
        EventKind::DRAIN => &DRAIN,
        _ => &[],
    }
}

const RULE: D = number!("rule", Uint, None, rule);
const CLASS: D = number!("class", Enum, Class, class.0);
const REASON: D = number!("reason", Enum, Reason, reason.0);
const FAILOVER: D = number!("failover", Enum, Failover, failover.0);
const CIRCUIT: D = number!("circuit", Enum, Circuit, circuit.0);
const CAUSE: D = number!("cause", Enum, Cause, cause.0);
const PROBE: D = flag!("probe", probe);
const STATUS: D = number!("status", Uint, None, status);
const TOKEN: D = number!("token", Uint, None, token);
const COUNT: D = number!("count", Uint, None, count);
const PLACEMENT: D = number!("placement", Number, None, placement);
const ENDPOINT: D = number!("endpoint", Number, None, endpoint);
const SLOT: D = number!("slot", Uint, None, handle.slot);
const GEN: D = number!("gen", Uint, None, handle.r#gen);
const TERM: D = number!("term", Uint, None, epoch.term);
const EPOCH: D = number!("epoch", Uint, None, epoch.number);
const AT: D = number!("at", Time, None, at);
const UNTIL: D = number!("until", Time, None, until);
const PIN: D = flag!("pin", pin);
const TRIP: D = number!("trip", Enum, Trip, trip.0);

static BARE: [D; 2] = [RULE, AT];
static ABOUT: [D; 4] = [RULE, PLACEMENT, ENDPOINT, AT];
static COUNTED: [D; 4] = [RULE, PLACEMENT, COUNT, AT];
static CAUSED: [D; 3] = [RULE, CAUSE, AT];

/// The number of kinds of decision that this version knows.
pub(crate) const DECISION_KINDS: u8 = DecisionKind::NOTE_LIMIT_CHANGED.0 + 1;

static FORWARD_FIELDS: [D; 12] =
    [RULE, PLACEMENT, ENDPOINT, SLOT, GEN, REASON, CIRCUIT, FAILOVER, PROBE, AT, PIN, COUNT];
static REJECT_FIELDS: [D; 11] = [RULE, CLASS, STATUS, PLACEMENT, ENDPOINT, REASON, CIRCUIT, FAILOVER, AT, SLOT, GEN];
static ABORT_FIELDS: [D; 7] = [RULE, PLACEMENT, ENDPOINT, SLOT, GEN, CLASS, AT];
static PROBE_FIELDS: [D; 6] = [RULE, PLACEMENT, ENDPOINT, TOKEN, UNTIL, AT];
static ACK_FIELDS: [D; 5] = [RULE, TERM, EPOCH, CAUSE, AT];
static NACK_FIELDS: [D; 6] = [RULE, TERM, EPOCH, CAUSE, AT, COUNT];
static OPENED_FIELDS: [D; 6] = [RULE, PLACEMENT, ENDPOINT, UNTIL, AT, TRIP];
static TRIP_CAPPED_FIELDS: [D; 6] = [RULE, PLACEMENT, ENDPOINT, COUNT, AT, TRIP];
static ADOPTED_FIELDS: [D; 4] = [RULE, TERM, EPOCH, AT];
static DRAINING_FIELDS: [D; 3] = [RULE, UNTIL, AT];
static DRAINED_FIELDS: [D; 3] = [RULE, COUNT, AT];
static QUEUED_FIELDS: [D; 8] = [RULE, PLACEMENT, SLOT, GEN, REASON, COUNT, UNTIL, AT];
static RETRY_FIELDS: [D; 10] = [RULE, PLACEMENT, ENDPOINT, SLOT, GEN, CLASS, STATUS, COUNT, UNTIL, AT];

/// The fields of a decision of that kind, as event_fields.
pub(crate) fn decision_fields(kind: DecisionKind) -> &'static [D] {
    match kind {
        DecisionKind::FORWARD => &FORWARD_FIELDS,
        DecisionKind::REJECT => &REJECT_FIELDS,
        DecisionKind::ABORT => &ABORT_FIELDS,
        DecisionKind::PROBE => &PROBE_FIELDS,
        DecisionKind::ACK => &ACK_FIELDS,
        DecisionKind::NACK => &NACK_FIELDS,
        DecisionKind::NOTE_OPENED => &OPENED_FIELDS,
        DecisionKind::NOTE_TRIP_CAPPED => &TRIP_CAPPED_FIELDS,
        DecisionKind::NOTE_ADOPTED => &ADOPTED_FIELDS,
        DecisionKind::NOTE_CONTROL => &BARE,
        DecisionKind::NOTE_DRAINING => &DRAINING_FIELDS,
        DecisionKind::NOTE_DRAINED => &DRAINED_FIELDS,
        DecisionKind::NOTE_IGNORED | DecisionKind::NOTE_BUG => &CAUSED,
        DecisionKind::QUEUED => &QUEUED_FIELDS,
        DecisionKind::RETRY => &RETRY_FIELDS,
        DecisionKind::NOTE_PANIC_ENTERED | DecisionKind::NOTE_PANIC_LEFT | DecisionKind::NOTE_LIMIT_CHANGED => &COUNTED,
        DecisionKind::CLOSE_IDLE
        | DecisionKind::NOTE_HALF_OPENED
        | DecisionKind::NOTE_CLOSED
        | DecisionKind::NOTE_HEALTHY
        | DecisionKind::NOTE_UNHEALTHY
        | DecisionKind::NOTE_RETIRED => &ABOUT,
        _ => &[],
    }
}

/// Sets a field and refuses a value that does not fit in it.
pub(crate) fn assign<T>(field: &Field<T>, to: &mut T, v: u64) -> Result<(), String> {
    (field.set)(to, v);
    if (field.get)(to) == v { Ok(()) } else { Err(format!("{}: a number is out of range", field.name)) }
}

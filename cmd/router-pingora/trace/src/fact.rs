//! What a trace consists of, apart from configurations.

use lockstep_core::{Decision, DecisionKind, Event, EventKind, Time};

/// The version of core/SPEC.md that this crate decides by.
pub const SPEC_VERSION: &str = "1";

/// What a recorder keeps of a request beside its event.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Request<'a> {
    /// The routing key as the client sent it: any bytes, empty for none.
    pub key: &'a [u8],
    /// The 128-bit request id, high half first.
    pub id: [u64; 2],
}

/// One step of a router: what came in and what was decided.
#[derive(Default)]
pub struct Fact {
    /// Counts all facts of a recording from 1, across blocks and segments.
    pub step: u64,
    /// The router's time of the step, after clamping.
    pub time: Time,
    /// The input. Of an arrive's route only `refuse` is recorded, and only what the edge found
    /// (`Class::by_edge`) survives replay, which matches the key again. `request` is the hash of the
    /// id. `config` is set for an adopt.
    pub event: Event,
    /// The routing key as the client sent it; arrive only, empty for none.
    pub key: Vec<u8>,
    /// The 128-bit request id, high half first; arrive only.
    pub id: [u64; 2],
    /// All that was decided, in order.
    pub decisions: Vec<Decision>,
}

impl Fact {
    /// What a recorder keeps of the request beside the event.
    pub fn request(&self) -> Request<'_> {
        Request { key: &self.key, id: self.id }
    }

    /// Becomes the event of that kind all of whose fields are absent, without decisions.
    pub(crate) fn blank(&mut self, kind: EventKind, step: u64, now: Time) {
        (self.step, self.time, self.id) = (step, now, [0, 0]);
        self.event = blank_event(kind, now);
        self.key.clear();
        self.decisions.clear();
    }

    /// Fills in what follows from the recorded fields.
    pub(crate) fn complete(&mut self) {
        if self.event.kind == EventKind::ARRIVE {
            self.event.request = lockstep_core::request_hash(self.id[0], self.id[1]);
        }
    }
}

fn blank_event(kind: EventKind, now: Time) -> Event {
    let mut ev = Event { kind, ..Event::default() };
    match kind {
        EventKind::ARRIVE => ev.route.placement = -1,
        EventKind::PROBED => ev.endpoint = -1,
        EventKind::DRAIN => ev.deadline = now,
        _ => {}
    }
    ev
}

/// A decision all of whose fields are absent.
pub(crate) fn blank_decision(kind: DecisionKind, now: Time) -> Decision {
    let mut d = Decision { kind, placement: -1, endpoint: -1, at: now, ..Decision::default() };
    if until_is_recorded(kind) {
        d.until = now;
    }
    d
}

fn until_is_recorded(kind: DecisionKind) -> bool {
    matches!(
        kind,
        DecisionKind::NOTE_OPENED
            | DecisionKind::PROBE
            | DecisionKind::NOTE_DRAINING
            | DecisionKind::QUEUED
            | DecisionKind::RETRY
    )
}

/// Opens every trace and every segment of one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// Version of the rules it was recorded under; empty is written as [`SPEC_VERSION`].
    pub spec: String,
    /// What a person calls it; may be empty.
    pub name: String,
    /// The router's seed, for reading; replay takes it from the snapshot.
    pub seed: u64,
    /// Digest of the first configuration, 0 for none yet.
    pub config: u64,
    /// Free labels, such as `simulated`.
    pub flags: Vec<String>,
    /// Wall time of time 0 in ns since 1970 UTC; 0 for a simulated trace.
    pub origin: i64,
    /// What it shows or why it was dumped; may be empty.
    pub why: String,
}

/// The state from which a block's facts replay.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BlockHead {
    /// Of the block in its file, from 1.
    pub number: u64,
    /// Where it begins: the byte in a stored file, the line in NDJSON.
    pub offset: u64,
    /// Of the block's first fact.
    pub step: u64,
    /// Of the state.
    pub time: Time,
    /// Of the state.
    pub digest: u64,
    /// The state.
    pub snapshot: Vec<u8>,
}

/// Says that facts are missing here, on purpose: the recorder could not keep up. Replay goes on at the
/// next block's snapshot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Gap {
    /// Of the first fact that is missing.
    pub step: u64,
    /// How many are.
    pub steps: u64,
    /// How many blocks they were.
    pub blocks: u64,
    /// Why they are missing.
    pub why: String,
}

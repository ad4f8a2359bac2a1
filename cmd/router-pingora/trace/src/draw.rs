//! Drawn facts for tests: every field of every kind, at values where encodings change.

use lockstep_core::{Decision, DecisionKind, Event, EventKind, Time};

use crate::fact::{BlockHead, Fact, blank_decision};
use crate::schema::{DECISION_KINDS, EVENT_KINDS, Field, Wire, decision_fields, event_fields};

/// A stream of numbers that depends on the seed alone (splitmix64).
pub(crate) struct Draw(u64);

const EDGES: [u64; 16] = [
    0,
    1,
    2,
    127,
    128,
    255,
    256,
    16_383,
    16_384,
    65_535,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

impl Draw {
    pub fn new(seed: u64) -> Self {
        Draw(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.word() % n as u64) as usize
    }

    pub fn flip(&mut self) -> bool {
        self.word() & 1 == 1
    }

    pub fn time(&mut self) -> Time {
        (self.word() >> 24) as Time
    }

    fn value(&mut self) -> u64 {
        if self.below(4) == 0 { self.word() } else { EDGES[self.below(EDGES.len())] }
    }

    fn fill<T>(&mut self, fields: &[Field<T>], now: Time, to: &mut T) {
        for f in fields {
            if self.flip() {
                continue;
            }
            let v = self.value();
            match f.wire {
                Wire::Time => (f.set)(to, (now + (v as i64 >> 20)) as u64),
                _ => (f.set)(to, v),
            }
        }
    }

    pub fn event(&mut self, kind: EventKind, now: Time) -> Event {
        let mut f = Fact::default();
        f.blank(kind, 1, now);
        self.fill(event_fields(kind), now, &mut f.event);
        f.event
    }

    pub fn decision(&mut self, kind: DecisionKind, now: Time) -> Decision {
        let mut d = blank_decision(kind, now);
        self.fill(decision_fields(kind), now, &mut d);
        d
    }

    /// Any bytes, now and then the same again.
    pub fn key(&mut self) -> Vec<u8> {
        match self.below(5) {
            0 => Vec::new(),
            1 => b"visa".to_vec(),
            2 => "a\"\u{1}\\\u{e9}\u{1f600}".into(),
            3 => vec![b'k', 0xff, 0xc3, self.word() as u8],
            _ => (0..self.below(40)).map(|_| self.word() as u8).collect(),
        }
    }

    /// A fact of any kind, up to two seconds after that time.
    pub fn fact(&mut self, step: u64, after: Time) -> Fact {
        let mut f = Fact::default();
        let now = after + [0, 1, 127, 128, 2_000_000_000][self.below(5)];
        let kind = EventKind(self.below(usize::from(EVENT_KINDS)) as u8);
        f.blank(kind, step, now);
        f.event = self.event(kind, now);
        if kind == EventKind::ARRIVE {
            f.key = self.key();
            if self.flip() {
                f.id = [self.value(), self.value()];
            }
        }
        f.complete();
        for _ in 0..self.below(4) {
            let kind = DecisionKind(self.below(usize::from(DECISION_KINDS)) as u8);
            let d = self.decision(kind, now);
            f.decisions.push(d);
        }
        f
    }

    /// The start of a block with any bytes for a snapshot.
    pub fn block(&mut self, step: u64, time: Time) -> BlockHead {
        let snapshot = (0..self.below(200)).map(|_| self.word() as u8).collect();
        BlockHead { step, time, digest: self.word(), snapshot, ..BlockHead::default() }
    }
}

//! Counts every event and every decision as the driver makes it. It is the driver's recorder and
//! hands all to the one behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::SystemTime;

use lockstep_core::{Decision, DecisionKind, Event, EventKind, Router, Time};

use crate::driver::{self, Request};

/// Numbers of kinds, classes and causes that are counted apart; the enumerations of core grow, their
/// values are small.
const MAX: usize = 64;

/// What was heard last of the control plane.
const UNHEARD: u8 = 0;
const AWAY: u8 = 1;
const CONNECTED: u8 = 2;

/// The counts. They are written under the driver's lock, by one thread at a time, and read by anyone.
#[derive(Default)]
pub struct Counts {
    events: Table,
    kinds: Table,
    rejects: Table, // by class
    aborts: Table,
    nacks: Table, // by cause
    ignored: Table,
    bugs: Table,
    control: AtomicU8,
}

struct Table([AtomicU64; MAX]);

impl Default for Table {
    fn default() -> Table {
        Table(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Table {
    fn add(&self, n: u8) {
        self.0[usize::from(n) % MAX].fetch_add(1, Ordering::Relaxed);
    }

    /// Is every number with its count.
    fn all(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        (0..).zip(self.0.iter().map(|n| n.load(Ordering::Relaxed)))
    }
}

/// One count of decisions: its kind, class and cause ("" where it has none).
pub type DecisionCount = (DecisionKind, &'static str, &'static str, u64);

impl Counts {
    fn observe(&self, event: &Event, decisions: &[Decision]) {
        self.events.add(event.kind.0);
        if event.kind == EventKind::CONTROL {
            self.control.store(if event.ok { CONNECTED } else { AWAY }, Ordering::Relaxed);
        }
        for d in decisions {
            self.kinds.add(d.kind.0);
            match d.kind {
                DecisionKind::REJECT => self.rejects.add(d.class.0),
                DecisionKind::ABORT => self.aborts.add(d.class.0),
                DecisionKind::NACK => self.nacks.add(d.cause.0),
                DecisionKind::NOTE_IGNORED => self.ignored.add(d.cause.0),
                DecisionKind::NOTE_BUG => self.bugs.add(d.cause.0),
                _ => {}
            }
        }
    }

    /// Whether the control plane is connected; None before the first connection.
    pub fn control(&self) -> Option<bool> {
        match self.control.load(Ordering::Relaxed) {
            UNHEARD => None,
            state => Some(state == CONNECTED),
        }
    }

    /// How many events there were of each kind.
    pub fn events(&self) -> Vec<(EventKind, u64)> {
        let known = |&(k, _): &(EventKind, u64)| k.as_str() != "none"; // else no such kind, or not yet
        self.events.all().map(|(k, n)| (EventKind(k), n)).filter(known).collect()
    }

    /// How many decisions there were of each kind, and of some by class or cause.
    pub fn decisions(&self) -> Vec<DecisionCount> {
        let (class, cause) = (|n| lockstep_core::Class(n), |n| lockstep_core::Cause(n));
        let apart = [
            (DecisionKind::REJECT, &self.rejects, true),
            (DecisionKind::ABORT, &self.aborts, true),
            (DecisionKind::NACK, &self.nacks, false),
            (DecisionKind::NOTE_IGNORED, &self.ignored, false),
            (DecisionKind::NOTE_BUG, &self.bugs, false),
        ];
        let mut out: Vec<DecisionCount> = Vec::new();
        for (k, n) in self.kinds.all() {
            let kind = DecisionKind(k);
            if kind.as_str() != "none" && apart.iter().all(|(of, ..)| *of != kind) {
                out.push((kind, "", "", n));
            }
        }
        for (kind, table, by_class) in apart {
            for (i, n) in table.all().filter(|&(_, n)| n > 0) {
                let labels = if by_class { (super::class_name(class(i)), "") } else { ("", cause(i).as_str()) };
                out.push((kind, labels.0, labels.1, n));
            }
        }
        out
    }
}

/// The counter as the driver sees it.
pub struct Observer {
    counts: Arc<Counts>,
    next: Option<Box<dyn driver::Recorder>>,
}

impl Observer {
    /// Counts, and tells `next` everything as well.
    pub fn new(counts: Arc<Counts>, next: Option<Box<dyn driver::Recorder>>) -> Observer {
        Observer { counts, next }
    }
}

impl driver::Recorder for Observer {
    fn start(&mut self, router: &mut Router, origin: SystemTime) {
        if let Some(next) = &mut self.next {
            next.start(router, origin);
        }
    }

    fn observe(
        &mut self,
        router: &mut Router,
        now: Time,
        event: &Event,
        request: Option<Request<'_>>,
        decisions: &[Decision],
    ) {
        self.counts.observe(event, decisions);
        if let Some(next) = &mut self.next {
            next.observe(router, now, event, request, decisions);
        }
    }
}

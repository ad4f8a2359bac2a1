//! Replay: every decision recomputed and compared.

use std::io::Read;

use lockstep_core::{DecisionKind, EventKind, Handle};

use crate::divergence::{Divergence, differs};
use crate::fact::{BlockHead, Fact, Gap, Header, SPEC_VERSION};
use crate::reader::{DamageError, Item, ReadError, Reader};
use crate::replay::{Replay, route_of};

/// What a replay found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Steps recomputed.
    pub facts: u64,
    /// Requests among them; one that comes again is not another.
    pub requests: u64,
    /// Decisions compared.
    pub decisions: u64,
    /// Blocks read.
    pub blocks: u64,
    /// Digests compared, at block starts and marks.
    pub digests: u64,
    /// Step of the first fact, 0 for none.
    pub first: u64,
    /// Step of the last.
    pub last: u64,
    /// Where the recorder said that it could not keep up.
    pub gaps: Vec<Gap>,
    /// Steps that lie between those replayed and are in no file.
    pub lost: u64,
    /// Parts that cannot be read.
    pub damage: Vec<DamageError>,
    /// Versions of the rules it was recorded under, when not [`SPEC_VERSION`].
    pub specs: Vec<String>,
    /// The first difference; replay stopped there.
    pub divergence: Option<Divergence>,
}

impl Report {
    /// Whether everything that was read replayed identically and could be read. Gaps do not count
    /// against it: they are what the recorder said.
    pub fn ok(&self) -> bool {
        self.divergence.is_none() && self.damage.is_empty()
    }
}

/// Replays one trace: it recomputes the match and every decision and stops at the first divergence,
/// which is in the report. The error is one of reading.
pub fn verify<R: Read>(rd: &mut Reader<R>) -> Result<Report, ReadError> {
    let mut v = Verifier::default();
    v.run(rd)?;
    Ok(v.report)
}

/// Replays several segments of a recording in order. Where their step numbers join, the state is carried
/// over and compared.
#[derive(Default)]
pub struct Verifier {
    report: Report,
    header: Header, // of the segment before
    replay: Replay,
    block: u64, // the number of the current one
    owed: bool, // requests that wait must be matched again
    stale: Vec<Handle>,
    several: bool, // there has been a configuration with several routes
}

impl Verifier {
    /// What was found so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Replays what rd reads, until its end or a divergence.
    pub fn run<R: Read>(&mut self, rd: &mut Reader<R>) -> Result<(), ReadError> {
        let h = rd.header();
        if h.spec != SPEC_VERSION && !self.report.specs.contains(&h.spec) {
            self.report.specs.push(h.spec.clone());
        }
        if (&h.name, h.seed, h.origin) != (&self.header.name, self.header.seed, self.header.origin) {
            self.replay.router = None; // another recording: nothing to carry over
            self.replay.next = 0;
        }
        self.header.clone_from(h);
        let mut block = BlockHead::default();
        while self.report.divergence.is_none() {
            match rd.next() {
                Ok(None) => break,
                Ok(Some(Item::Config(_))) => {}
                Ok(Some(Item::Block(b))) => {
                    block.clone_from(b);
                    self.open(&block, rd);
                }
                Ok(Some(Item::Fact(f))) => self.fact(f),
                Ok(Some(Item::Mark(digest))) => self.digest("digest of the state", digest),
                Ok(Some(Item::Gap(g))) => self.report.gaps.push(g.clone()),
                Err(ReadError::Damage(e)) => self.report.damage.push(e),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Begins a block: by comparing its state with the one reached, or, where facts are missing before
    /// it, by starting from its snapshot.
    fn open<R: Read>(&mut self, b: &BlockHead, rd: &Reader<R>) {
        self.report.blocks += 1;
        self.block = b.number;
        if self.replay.joins(b) {
            self.digest("digest at the start of the block", b.digest);
            if self.report.divergence.is_none() && self.replay.take_snapshot() != b.snapshot {
                self.at_digest("snapshot at the start of the block", None);
            }
            return;
        }
        if self.replay.next > 0 && b.step > self.replay.next {
            self.report.lost += b.step - self.replay.next;
        }
        self.owed = false;
        match self.replay.restore(b, |digest| rd.config(digest)) {
            Ok(_) => self.digest("digest of the block's snapshot", b.digest),
            Err(what) => {
                // Of NDJSON the offset is the line.
                self.report.damage.push(DamageError { block: b.number, offset: b.offset, line: 0, what });
            }
        }
    }

    fn digest(&mut self, what: &'static str, recorded: u64) {
        let Some(r) = self.replay.router.as_mut().filter(|_| self.report.divergence.is_none()) else { return };
        let replayed = r.digest();
        self.report.digests += 1;
        if replayed != recorded {
            self.at_digest(what, Some((recorded, replayed)));
        }
    }

    /// Replays one step and compares what was decided.
    fn fact(&mut self, f: &mut Fact) {
        let Some(r) = self.replay.router.as_ref().filter(|_| f.step == self.replay.next) else {
            return; // of a block whose snapshot could not be restored
        };
        self.report.facts += 1;
        if self.report.first == 0 {
            self.report.first = f.step;
        }
        self.report.last = f.step;
        let again = f.event.kind == EventKind::ARRIVE && f.event.handle != Handle::default();
        if self.owed && !again {
            self.diverge(f, "event: requests that wait must be matched again first", None);
            return;
        }
        if f.event.kind == EventKind::ARRIVE {
            self.report.requests += u64::from(!again);
            let refuse = f.event.route.refuse;
            f.event.route = route_of(r.config().map(|c| &**c), &f.key, &f.event);
            if f.event.route.refuse != refuse && f.event.epoch == r.epoch() {
                self.diverge(f, "refuse of Match", None);
                return;
            }
        }
        self.replay.step(f);
        self.compare(f);
        self.owes(f);
    }

    fn compare(&mut self, f: &Fact) {
        let out = &self.replay.out;
        if let Some(i) = (0..out.len().min(f.decisions.len())).find(|&i| out[i] != f.decisions[i]) {
            self.report.decisions += i as u64;
            self.diverge(f, differs(&f.decisions[i], &out[i]), Some(i));
            return;
        }
        let same = out.len().min(f.decisions.len());
        self.report.decisions += same as u64;
        if out.len() != f.decisions.len() {
            self.diverge(f, "number of decisions", Some(same));
        }
    }

    /// Works out whether requests that wait must be matched again before anything else happens (R12):
    /// after an adopt, and after a retry of a request that was matched under an earlier configuration.
    /// Where there are several routes the loop cannot do so by itself, and the request waits until its
    /// edge has.
    fn owes(&mut self, f: &Fact) {
        let Some(r) = &self.replay.router else { return };
        self.several |= r.config().is_some_and(|c| c.routes() > 1); // whoever resolves routes matches them, when it can
        if self.several {
            return;
        }
        let retried = self.replay.out.last().is_some_and(|d| d.kind == DecisionKind::RETRY);
        if self.owed || retried || f.event.kind == EventKind::ADOPT {
            self.stale.clear();
            r.append_stale(&mut self.stale);
            self.owed = !self.stale.is_empty();
        }
    }

    fn diverge(&mut self, f: &Fact, what: &'static str, i: Option<usize>) {
        self.report.divergence = Some(Divergence::at(&self.replay, self.block, f, what, i));
    }

    fn at_digest(&mut self, what: &'static str, digests: Option<(u64, u64)>) {
        let time = self.replay.router.as_ref().map_or(0, |r| r.now());
        self.report.divergence = Some(Divergence::of_state(self.replay.next, time, self.block, what, digests));
    }
}

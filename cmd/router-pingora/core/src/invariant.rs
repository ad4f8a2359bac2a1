//! Two tiers of assertion: a broken invariant stops a simulation or a test on the spot, and in
//! production it is a note and a counter while serving goes on.

use crate::decision::{Cause, Decision, DecisionKind};
use crate::router::{Router, note};
use crate::time::Time;
use alloc::vec::Vec;

impl Router {
    /// Appends a NoteBug, or panics under `strict`, unless `ok` holds.
    pub(crate) fn ensure(&mut self, ok: bool, now: Time, what: &str, out: &mut Vec<Decision>) {
        if ok {
            return;
        }
        assert!(!self.strict, "core: broken invariant: {what}");
        self.counters.bugs += 1;
        out.push(Decision { cause: Cause::INVARIANT, ..note(DecisionKind::NOTE_BUG, 16, now) });
    }
}

//! What Compile makes of shares and adaptive limits (R5) and of push guards (R13).

use crate::adaptive::AdaptiveSpec;
use crate::compile::{Compiler, or_default};
use crate::decision::Cause;
use crate::inflight::MAX_IN_FLIGHT;
use crate::ration::MAX_PRIORITIES;
use crate::spec::LimitSpec;
use crate::time::{MILLISECOND, SECOND};
use alloc::format;

impl Compiler<'_> {
    /// Checks the guards of the Spec.
    pub(crate) fn guards(&mut self) {
        let g = self.spec.guards;
        let percents = [g.keys_rerouted, g.keys_removed, g.endpoints_removed, g.limit_lowered];
        for (i, percent) in percents.into_iter().enumerate() {
            if percent > 99 {
                let name = Cause(Cause::KEYS_REROUTED.0 + i as u8).as_str();
                self.fail(
                    format!("control_plane.refuse_push_over.{name}"),
                    format!("{percent} % guards nothing"),
                    "use 1 % to 99 %, or none for no such guard",
                );
            }
        }
    }

    /// Checks how a placement divides its room, and fills in the shares of priorities.
    pub(crate) fn ration(&mut self, mut l: LimitSpec, path: &str) -> LimitSpec {
        if l.tenant_share > 99 {
            let hint = "use 1 % to 99 %, or leave it out so that tenants are not told apart";
            self.fail(format!("{path}.tenant_share"), "is above 99 %", hint);
        }
        let given = l.priorities != [0; MAX_PRIORITIES];
        let mut last = 0;
        for (i, share) in l.priorities.iter_mut().enumerate() {
            let at = format!("{path}.priorities[{i}]");
            match *share {
                0 if i == 0 && given => self.fail(at, "is 0 %", "use 1 % to 100 %: 100 % for the most critical"),
                0 => *share = last,
                101.. => self.fail(at, "is above 100 %", "use 1 % to 100 %"),
                own if i > 0 && own > last => {
                    let hint = "write the shares from the most critical down: 100%, 90%, 75%";
                    self.fail(at, "is above the share of a more critical priority", hint);
                }
                _ => {}
            }
            last = *share;
        }
        if l.in_flight == 0 && !l.adaptive.on() && (l.tenant_share != 0 || l.priorities[0] != 0) {
            self.fail(path, "has shares and no in_flight", "say in_flight: shares are of it");
        }
        l.adaptive = self.adaptive(l.adaptive, &format!("{path}.adaptive"));
        l
    }

    /// Checks an adaptive limit and fills in its defaults.
    fn adaptive(&mut self, mut a: AdaptiveSpec, path: &str) -> AdaptiveSpec {
        if !a.on() {
            if a != AdaptiveSpec::default() {
                self.fail(format!("{path}.max"), "is missing", "say how far the limit may rise");
            }
            return a;
        }
        or_default(&mut a.min, a.max.min(10));
        or_default(&mut a.start, a.min);
        or_default(&mut a.window, SECOND);
        or_default(&mut a.tolerance, 150);
        or_default(&mut a.remeasure, 30);
        if a.min < 1 || a.max > MAX_IN_FLIGHT as i32 || a.min > a.max {
            let hint = format!("use 1 or more for min, and at least that for max, up to {MAX_IN_FLIGHT}");
            self.fail(path, "min and max do not span a range", hint);
        }
        if a.start < a.min || a.start > a.max {
            let hint = "use a limit between the two, or leave it out for min";
            self.fail(format!("{path}.start"), "is not between min and max", hint);
        }
        if a.window < 10 * MILLISECOND || a.window > 60 * SECOND {
            let hint = "use several times the latency of the placement, such as 1s";
            self.fail(format!("{path}.window"), "is outside 10ms to 1m", hint);
        }
        if a.tolerance < 110 || a.tolerance > 190 {
            let hint = "use a factor below 2: a limit halved to measure must be one that is calm";
            self.fail(format!("{path}.tolerance"), "is outside 1.1 to 1.9", hint);
        }
        if a.remeasure < 4 || a.remeasure > 10_000 {
            self.fail(format!("{path}.remeasure"), "is outside 4 to 10000 windows", "use about 30");
        }
        a
    }
}

//! Presets (R6): what other breakers do by default, as far as it maps. Own settings win. SPEC.md
//! says what does not map.

use crate::compile::{Compiler, or_default, quote};
use crate::nearest::nearest;
use crate::spec::BreakerSpec;
use crate::time::SECOND;
use alloc::format;
use alloc::string::{String, ToString};

impl Compiler<'_> {
    /// Fills what `b` leaves at zero from the preset that it names.
    pub(crate) fn preset(&mut self, b: &mut BreakerSpec, path: &str) {
        let mut p = preset_of(&b.preset).unwrap_or_else(|| {
            let hint = match nearest(&b.preset, &["baseline", "gobreaker", "envoy", "haproxy"]) {
                "" => "use baseline, gobreaker, envoy or haproxy".to_string(),
                best => format!("did you mean {}?", quote(best)),
            };
            self.fail(format!("{path}.preset"), format!("there is no preset named {}", quote(&b.preset)), hint);
            BreakerSpec::default()
        });
        if b.open_max == 0 && p.open_max < b.open {
            p.open_max = 0; // an own open time above the preset's cap has the usual cap
        }
        b.preset = String::new();
        or_default(&mut b.failures, p.failures);
        or_default(&mut b.open, p.open);
        or_default(&mut b.open_max, p.open_max);
        or_default(&mut b.growth, p.growth);
        or_default(&mut b.successes, p.successes);
        or_default(&mut b.max_open_percent, p.max_open_percent);
    }
}

/// Returns the settings that a preset sets; the rest has core's defaults.
fn preset_of(name: &str) -> Option<BreakerSpec> {
    let none = BreakerSpec::default();
    Some(match name {
        "" | "baseline" => none,
        // v2: more than 5 failures in a row, a minute open, one request tests
        "gobreaker" => BreakerSpec { failures: 6, open: 60 * SECOND, ..none },
        // outlier detection: consecutive_5xx, base and max ejection time, max_ejection_percent
        "envoy" => BreakerSpec {
            failures: 5,
            open: 30 * SECOND,
            growth: 2_000_000,
            open_max: 300 * SECOND,
            max_open_percent: 10,
            ..none
        },
        // observe layer7, error-limit 10, on-error mark-down; rise 2 at inter 2s
        "haproxy" => BreakerSpec { failures: 10, open: 4 * SECOND, successes: 2, ..none },
        _ => return None,
    })
}

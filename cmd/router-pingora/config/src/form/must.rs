//! Promises as they are written.

use crate::decode::settings;
use crate::units::{Dur, Share};
use std::collections::BTreeMap;

settings! {
    struct Pledge {
        lose: String = "lose" PLAIN;
        availability: Share = "availability" POSITIVE;
        p99: Dur = "p99" POSITIVE;
        within: Dur = "within" POSITIVE;
        home_refused: Share = "home_refused_because_of_guests" PLAIN;
        keys: KeysOf = "keys" PLAIN;
        served_by: BTreeMap<String, String> = "served_by" PLAIN;
        half_open_probes: u32 = "half_open_probes" POSITIVE;
        recovers_within: Dur = "recovers_within" POSITIVE;
        fails_over_within: Dur = "fails_over_within" POSITIVE;
        in_flight: InFlightOf = "in_flight" PLAIN;
        health_probes: u32 = "health_probes_per_second" POSITIVE;
        placements: BTreeMap<String, String> = "placements" PLAIN;
        guests: String = "guests" PLAIN;
    }
}

settings! {
    /// Which keys a promise is about.
    struct KeysOf {
        region: String = "region" PLAIN;
    }
}

settings! {
    /// Bounds what one placement holds.
    struct InFlightOf {
        placement: String = "placement" PLAIN;
        at_most: u32 = "at_most" POSITIVE;
    }
}

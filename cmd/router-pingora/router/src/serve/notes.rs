//! Tells the operator what changed.

use lockstep_core::{Config, DecisionKind, Trip};

use crate::driver::Delivery;
use crate::say;

/// Writes a line for a note that an operator should know of; `config` is that in force by now.
pub fn note(d: &Delivery, config: Option<&Config>) {
    let (what, t) = (d.kind.as_str(), &d.target);
    match d.kind {
        DecisionKind::NOTE_OPENED | DecisionKind::NOTE_TRIP_CAPPED if d.trip != Trip::CONSECUTIVE => {
            // Also what a relapse says.
            say!(Warn, what, "placement" = t.placement, "endpoint" = t.url, "by" = d.trip.as_str());
        }
        DecisionKind::NOTE_OPENED | DecisionKind::NOTE_TRIP_CAPPED | DecisionKind::NOTE_UNHEALTHY => {
            say!(Warn, what, "placement" = t.placement, "endpoint" = t.url);
        }
        DecisionKind::NOTE_HALF_OPENED
        | DecisionKind::NOTE_CLOSED
        | DecisionKind::NOTE_HEALTHY
        | DecisionKind::NOTE_RETIRED => say!(Info, what, "placement" = t.placement, "endpoint" = t.url),
        DecisionKind::NOTE_PANIC_ENTERED => say!(Warn, what, "placement" = t.placement, "usable" = d.count),
        DecisionKind::NOTE_PANIC_LEFT => say!(Info, what, "placement" = t.placement, "usable" = d.count),
        DecisionKind::NOTE_ADOPTED => {
            if let Some(c) = config {
                say!(Info, "adopted", "version" = c.version(), "epoch" = d.epoch.number);
            }
        }
        DecisionKind::NOTE_BUG => {
            say!(Error, "a broken invariant in the router; it goes on serving", "cause" = d.cause.as_str());
        }
        _ => {}
    }
}

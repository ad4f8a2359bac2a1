//! The Lockstep router on Pingora: decisions come from lockstep-core, transport from Pingora. Each
//! file is named as the Go adapter that does the same.

mod admin;
mod cli;
mod connections;
mod control;
mod driver;
mod filewatch;
mod lifecycle;
mod lkg;
mod logging;
mod metrics;
mod probe;
mod record;
mod replay;
mod source;

/// Exit codes (DESIGN, section 6).
const FINE: i32 = 0;
const DIVERGED: i32 = 1;

fn main() {
    logging::init();
}

//! The Lockstep router on Pingora: decisions come from lockstep-core, transport from Pingora. Each
//! file is named as the Go adapter that does the same.

mod cli;
mod connections;
mod control;
mod driver;
mod filewatch;
mod lifecycle;
mod lkg;
mod logging;
mod probe;

fn main() {
    logging::init();
}

//! The Lockstep router on Pingora: decisions come from lockstep-core, transport from Pingora. Each
//! file is named as the Go adapter that does the same.

mod driver;
mod proxy;

fn main() {}

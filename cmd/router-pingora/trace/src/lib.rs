//! Traces of Lockstep, binary and NDJSON: `traces/README.md` in Rust.
#![forbid(unsafe_code)]

mod frame;
mod input;
mod json;
mod wall_time;

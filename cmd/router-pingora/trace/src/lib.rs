//! Traces of Lockstep, binary and NDJSON: `traces/README.md` in Rust.
#![forbid(unsafe_code)]

//! The decision machine of Lockstep: `core/SPEC.md` in Rust.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

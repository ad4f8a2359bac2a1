//! Traces of Lockstep, stored and printed: `traces/README.md` in Rust, file by file beside `traces/*.go`.
//!
//! A trace is the inputs and the decisions of one router, in the one order in which they were made. The
//! stored form is binary ([`Encoder`]); canonical NDJSON is its printed view; one table (schema.rs) makes
//! both. [`Reader`] reads either, [`Verifier`] replays one and compares, [`convert()`] turns one into the other.
//!
//! What may not live here: clocks, threads, files and networks, and any rule about decisions.
#![forbid(unsafe_code)]

mod answer;
mod binary_source;
mod configs;
mod convert;
mod decode;
mod divergence;
#[cfg(test)]
mod draw;
mod encoder;
mod enums;
mod fact;
mod frame;
mod hot;
mod id;
mod input;
mod json;
mod keyrefs;
mod line_source;
mod lines;
mod print;
mod reader;
mod replay;
#[cfg(test)]
mod roundtrip_tests;
mod schema;
#[cfg(test)]
mod schema_tests;
mod sink;
mod spec;
mod spec_of;
#[cfg(test)]
mod spec_tests;
mod varint;
mod verify;
mod wall_time;
mod writer;

pub use answer::complete;
pub use convert::{Form, convert};
pub use divergence::Divergence;
pub use encoder::{Block, Encoder, MIN_BLOCK};
pub use fact::{BlockHead, Fact, Gap, Header, Request, SPEC_VERSION};
pub use frame::{FORMAT_VERSION, MAX_FRAME, compress};
pub use id::{format_request_id, parse_request_id};
pub use print::{append_config, append_decision_line, append_event_line, append_file, append_gap};
pub use reader::{DamageError, Item, ReadError, Reader};
pub use replay::route_of;
pub use spec::{decode_spec, encode_spec};
pub use spec_of::spec_of;
pub use verify::{Report, Verifier, verify};
pub use writer::Writer;

//! The printed view: one function per kind of line, each without its LF.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockstep_core::{Config, Decision, Time};

use crate::enums::Enum;
use crate::fact::{BlockHead, Fact, Gap, Header, SPEC_VERSION};
use crate::frame::{FILE_MAGIC, FORMAT_VERSION, FRAME_CONFIG, FRAME_GAP, FRAME_HEADER, append_frame};
use crate::json::{append_hex, append_int, append_string, append_uint};
use crate::schema::{Field, Wire, decision_fields, event_fields};
use crate::spec::append_spec;
use crate::spec_of::spec_of;
use crate::wall_time::append_wall_time;

/// Appends what opens a stored file: magic, version and header.
pub fn append_file(dst: &mut Vec<u8>, h: &Header) {
    dst.extend_from_slice(FILE_MAGIC);
    dst.push(FORMAT_VERSION);
    append_frame(dst, FRAME_HEADER, |b| append_header_line(b, h));
}

/// Appends the frame of a configuration. It belongs before the first block that names it.
pub fn append_config(dst: &mut Vec<u8>, c: &Config) {
    append_frame(dst, FRAME_CONFIG, |b| append_config_line(b, c));
}

/// Appends the frame that says what is missing. It belongs where the missing blocks would be.
pub fn append_gap(dst: &mut Vec<u8>, g: &Gap) {
    append_frame(dst, FRAME_GAP, |b| append_gap_line(b, g));
}

pub(crate) fn append_header_line(dst: &mut Vec<u8>, h: &Header) {
    put(dst, "{\"lockstep\":");
    append_uint(dst, u64::from(FORMAT_VERSION));
    let spec = if h.spec.is_empty() { SPEC_VERSION } else { &h.spec };
    put(dst, ",\"spec\":");
    append_string(dst, spec.as_bytes());
    put(dst, ",\"name\":");
    append_string(dst, h.name.as_bytes());
    put(dst, ",\"seed\":");
    append_uint(dst, h.seed);
    put(dst, ",\"config\":");
    append_hash(dst, h.config);
    put(dst, ",\"flags\":[");
    for (i, f) in h.flags.iter().enumerate() {
        if i > 0 {
            dst.push(b',');
        }
        append_string(dst, f.as_bytes());
    }
    put(dst, "],\"why\":");
    append_string(dst, h.why.as_bytes());
    if h.origin != 0 {
        put(dst, ",\"origin\":\"");
        append_wall_time(dst, h.origin);
        dst.push(b'"');
    }
    dst.push(b'}');
}

pub(crate) fn append_config_line(dst: &mut Vec<u8>, c: &Config) {
    put(dst, "{\"config\":");
    append_hash(dst, c.digest());
    put(dst, ",\"spec\":");
    append_spec(dst, &spec_of(c));
    dst.push(b'}');
}

pub(crate) fn append_gap_line(dst: &mut Vec<u8>, g: &Gap) {
    put(dst, "{\"gap\":");
    append_uint(dst, g.steps);
    put(dst, ",\"step\":");
    append_uint(dst, g.step);
    put(dst, ",\"blocks\":");
    append_uint(dst, g.blocks);
    put(dst, ",\"why\":");
    append_string(dst, g.why.as_bytes());
    dst.push(b'}');
}

pub(crate) fn append_block_line(dst: &mut Vec<u8>, h: &BlockHead) {
    put(dst, "{\"block\":");
    append_uint(dst, h.number);
    put(dst, ",\"step\":");
    append_uint(dst, h.step);
    put(dst, ",\"t\":");
    append_int(dst, h.time);
    put(dst, ",\"digest\":");
    append_hash(dst, h.digest);
    put(dst, ",\"snapshot\":\"");
    put(dst, &STANDARD.encode(&h.snapshot));
    put(dst, "\"}");
}

pub(crate) fn append_mark_line(dst: &mut Vec<u8>, digest: u64) {
    put(dst, "{\"digest\":");
    append_hash(dst, digest);
    dst.push(b'}');
}

/// Appends the line of a fact's event.
pub fn append_event_line(dst: &mut Vec<u8>, f: &Fact) {
    put(dst, "{\"step\":");
    append_uint(dst, f.step);
    put(dst, ",\"t\":");
    append_int(dst, f.time);
    put(dst, ",\"event\":\"");
    put(dst, f.event.kind.as_str());
    dst.push(b'"');
    for c in event_fields(f.event.kind) {
        match c.wire {
            Wire::Key if f.key.is_empty() => {}
            Wire::Key => {
                append_name(dst, c.name);
                append_string(dst, &f.key);
            }
            Wire::Id if f.id == [0, 0] => {}
            Wire::Id => {
                append_name(dst, c.name);
                dst.push(b'"');
                append_hex(dst, f.id[0]);
                append_hex(dst, f.id[1]);
                dst.push(b'"');
            }
            _ => append_field(dst, c, &f.event, f.time),
        }
    }
    dst.push(b'}');
}

/// Appends the line of a decision made at a step of that time.
pub fn append_decision_line(dst: &mut Vec<u8>, d: &Decision, now: Time) {
    put(dst, "{\"decision\":\"");
    put(dst, d.kind.as_str());
    dst.push(b'"');
    for c in decision_fields(d.kind) {
        append_field(dst, c, d, now);
    }
    dst.push(b'}');
}

/// Appends one member unless the value is the one that its absence means.
fn append_field<T>(dst: &mut Vec<u8>, c: &Field<T>, of: &T, now: Time) {
    let v = (c.get)(of);
    if c.wire.encode(v, now) == 0 {
        return;
    }
    append_name(dst, c.name);
    match c.wire {
        Wire::Bool => put(dst, "true"),
        Wire::Signed | Wire::Time | Wire::Number => append_int(dst, v as i64),
        Wire::Hash => append_hash(dst, v),
        Wire::Enum => append_enum(dst, c.of, v),
        _ => append_uint(dst, v),
    }
}

/// Appends the name of a value, its number where it has none.
fn append_enum(dst: &mut Vec<u8>, of: Enum, v: u64) {
    match of.name(v) {
        "" => append_uint(dst, v),
        name => {
            dst.push(b'"');
            put(dst, name);
            dst.push(b'"');
        }
    }
}

fn append_name(dst: &mut Vec<u8>, name: &str) {
    put(dst, ",\"");
    put(dst, name);
    put(dst, "\":");
}

fn append_hash(dst: &mut Vec<u8>, v: u64) {
    dst.push(b'"');
    append_hex(dst, v);
    dst.push(b'"');
}

fn put(dst: &mut Vec<u8>, text: &str) {
    dst.extend_from_slice(text.as_bytes());
}

//! The schema is the one that README lists, and it fits the types of core.

use std::fmt::Write;

use lockstep_core::{DecisionKind, EventKind};

use crate::enums::Enum;
use crate::fact::{Fact, blank_decision};
use crate::schema::{DECISION_KINDS, EVENT_KINDS, Field, Wire, decision_fields, event_fields};

fn columns<T>(fields: &[Field<T>]) -> String {
    let column = |f: &Field<T>| format!("{}: {}", f.name, format!("{:?}", f.wire).to_lowercase());
    fields.iter().map(column).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_readme_lists_the_schema() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../traces/README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let (_, rest) = text.split_once("<!-- generated: begin -->\n").unwrap();
    let (want, _) = rest.split_once("<!-- generated: end -->").unwrap();
    let mut got = String::from("| # | event | fields |\n|---|---|---|\n");
    for k in 0..EVENT_KINDS {
        let kind = EventKind(k);
        writeln!(got, "| {k} | {kind} | {} |", columns(event_fields(kind))).unwrap();
    }
    got.push_str("\n| # | decision | fields |\n|---|---|---|\n");
    for k in 0..DECISION_KINDS {
        let kind = DecisionKind(k);
        writeln!(got, "| {k} | {kind} | {} |", columns(decision_fields(kind))).unwrap();
    }
    assert_eq!(got, want);
}

#[test]
fn every_kind_of_core_has_its_fields_and_none_has_too_many() {
    assert_eq!(EventKind(EVENT_KINDS).as_str(), "none");
    assert_eq!(DecisionKind(DECISION_KINDS).as_str(), "none");
    let check = |kind: &str, mut names: Vec<&str>, fields: usize| {
        assert!(fields <= 16, "{kind} has {fields} fields, its mask has room for 16");
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{kind} has two fields of one name");
    };
    for kind in (0..EVENT_KINDS).map(EventKind) {
        let fields = event_fields(kind);
        let names = ["step", "t", "event"].into_iter().chain(fields.iter().map(|f| f.name)).collect();
        check(kind.as_str(), names, fields.len());
    }
    for kind in (0..DECISION_KINDS).map(DecisionKind) {
        let fields = decision_fields(kind);
        check(kind.as_str(), fields.iter().map(|f| f.name).collect(), fields.len());
    }
}

#[test]
fn an_absent_field_has_the_value_that_is_left_out() {
    let now = 7;
    for kind in (0..EVENT_KINDS).map(EventKind) {
        let mut f = Fact::default();
        f.blank(kind, 1, now);
        for c in event_fields(kind) {
            assert_eq!(c.wire.encode((c.get)(&f.event), now), 0, "{} of {kind}", c.name);
        }
    }
    for kind in (0..DECISION_KINDS).map(DecisionKind) {
        let d = blank_decision(kind, now);
        for c in decision_fields(kind) {
            assert_eq!(c.wire.encode((c.get)(&d), now), 0, "{} of {kind}", c.name);
        }
    }
}

#[test]
fn a_value_survives_its_wire_form() {
    for v in [0, 1, 127, 128, u64::from(u32::MAX), i64::MAX as u64, 1 << 63, u64::MAX] {
        for w in [Wire::Uint, Wire::Signed, Wire::Time, Wire::Number] {
            for now in [0, 5, 1 << 62] {
                assert_eq!(w.decode(w.encode(v, now), now), v, "{w:?} {v} at {now}");
            }
        }
    }
}

const ENUMS: [Enum; 17] = [
    Enum::Method,
    Enum::Class,
    Enum::Origin,
    Enum::Fault,
    Enum::Reason,
    Enum::Failover,
    Enum::Circuit,
    Enum::Cause,
    Enum::Event,
    Enum::Decision,
    Enum::Policy,
    Enum::WhenFull,
    Enum::LastResort,
    Enum::QueueOrder,
    Enum::RetryMethods,
    Enum::Panic,
    Enum::Trip,
];

#[test]
fn every_named_value_is_found_by_its_name_and_others_have_none() {
    for of in ENUMS {
        let named = (0..=255).filter(|&v| !of.name(v).is_empty()).collect::<Vec<u64>>();
        assert!(named.len() > 1, "{of:?}");
        for &v in &named {
            assert_eq!(of.value(of.name(v).as_bytes()).map(u64::from), Some(v), "{of:?} {v}");
        }
        let last = named.last().copied().unwrap();
        let zeros = u64::from(of.name(0).is_empty());
        assert_eq!(named.len() as u64 + zeros, last + 1, "{of:?} has a gap");
        assert_eq!((of.name(last + 1), of.name(u64::MAX), of.value(b"no such name")), ("", "", None), "{of:?}");
    }
}

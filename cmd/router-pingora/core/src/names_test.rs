use super::*;
use crate::class::{CLASSES, Effect, RetryRule};
use alloc::collections::BTreeSet;
use alloc::string::ToString;

/// Holds for each enumeration: the values have distinct names, and what is outside has the name
/// of none.
#[test]
fn every_value_has_a_name_of_its_own() {
    type Name = fn(u8) -> &'static str;
    let all: &[(&str, u8, u8, Name, &str)] = &[
        ("event", 1, 9, |n| EventKind(n).as_str(), "none"),
        ("decision", 1, 26, |n| DecisionKind(n).as_str(), "none"),
        ("reason", 1, 4, |n| Reason(n).as_str(), ""),
        ("failover", 1, 4, |n| Failover(n).as_str(), ""),
        ("circuit", 1, 4, |n| Circuit(n).as_str(), ""),
        ("cause", 1, 18, |n| Cause(n).as_str(), "none"),
        ("origin", 1, 4, |n| Origin(n).as_str(), "file"),
        ("trip", 1, 3, |n| Trip(n).as_str(), "consecutive"),
        ("policy", 0, 7, |n| Policy(n).as_str(), "unknown"),
        ("panic", 0, 3, |n| PanicMode(n).as_str(), "unknown"),
    ];
    for (what, first, end, name, outside) in all {
        let names: BTreeSet<_> = (*first..*end).map(name).collect();
        assert_eq!(names.len(), usize::from(end - first), "{what}");
        assert!(!names.contains(outside) && !names.contains(""), "{what}");
        assert_eq!((name(*end), name(255)), (*outside, *outside), "{what}");
    }
    let classes: BTreeSet<_> = (0..CLASSES).map(|c| Class(c).as_str()).collect();
    assert_eq!((classes.len(), Class(CLASSES).as_str()), (usize::from(CLASSES), "internal"));
    assert_eq!(
        (Class::LIMIT_REACHED.to_string(), Class::FAIR_SHARE.to_string()),
        ("limit".into(), "fair_share".into())
    );
}

/// Holds effect, which the hot path uses, to the column of the table.
#[test]
fn the_table_of_classes_is_consistent() {
    for c in (0..=255).map(Class) {
        let row = c.row();
        assert_eq!(c.effect(), row.effect, "{c}");
        assert!(row.effect == Effect::Failure || row.retry == RetryRule::Never, "{c} is excluded and yet retried");
        assert!(row.status == 0 || (400..=599).contains(&row.status), "{c} has status {}", row.status);
    }
    let by_edge: BTreeSet<_> = (0..CLASSES).map(Class).filter(|c| c.by_edge()).map(Class::as_str).collect();
    let want =
        ["bad_request", "header_too_large", "internal", "no_route", "request_timeout", "unauthorized", "uri_too_long"];
    assert!(by_edge.into_iter().eq(want));
}

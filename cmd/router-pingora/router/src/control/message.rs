//! Messages of the baseline's control-plane protocol, and the two fields that ours adds: the text of
//! a configuration file, and the operator's word that a push is meant (R13).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What one message may hold, in bytes, so that a peer cannot exhaust memory: a million long keys fit.
pub const MAX_SNAPSHOT: usize = 256 << 20;
const MAX_ERROR: usize = 4 << 10;

const SNAPSHOT: &str = "config_snapshot";

/// What a router sends back.
#[derive(Serialize, Debug, PartialEq, Eq)]
pub struct Answer {
    #[serde(rename = "type")]
    kind: &'static str,
    version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

/// Says that a version is in force.
pub fn ack(version: &str) -> Answer {
    Answer { kind: "ack", version: version.into(), error: String::new() }
}

/// Says why a version is not.
pub fn nack(version: &str, error: &str) -> Answer {
    let mut error = error.to_string();
    if error.len() > MAX_ERROR {
        let end = (0..=MAX_ERROR).rev().find(|&i| error.is_char_boundary(i)).unwrap_or(0);
        error.truncate(end);
        error.push_str(" …");
    }
    Answer { kind: "nack", version: version.into(), error }
}

/// A snapshot as a router takes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Push {
    /// The operator's label.
    pub version: String,
    /// A configuration file's content.
    pub body: Vec<u8>,
    /// The operator means it, whatever push guards say.
    pub deliberate: bool,
}

/// Why a message is no push.
#[derive(Debug, PartialEq, Eq)]
pub enum NotPush {
    /// It is of another type; a later protocol may have some.
    OtherType(String),
    /// It cannot be read.
    Damaged(String),
}

/// What is read of a message first.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    config: Option<String>,
    #[serde(default)]
    deliberate: Option<bool>,
}

/// Reads a control plane's message.
pub fn decode(message: &[u8]) -> Result<Push, NotPush> {
    let damaged = |e: serde_json::Error| NotPush::Damaged(format!("reading the message: {e}"));
    // Not one step into Head: a repeated member is read as Go does, the last one counts.
    let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(message).map_err(damaged)?;
    let known = ["type", "version", "config", "deliberate"]
        .map(|name| fields.get(name).map(|value| format!("{:?}:{}", name, value.get())));
    let head = format!("{{{}}}", known.into_iter().flatten().collect::<Vec<_>>().join(","));
    let head: Head = serde_json::from_str(&head).map_err(damaged)?;
    let kind = head.kind.unwrap_or_default();
    if kind != SNAPSHOT {
        return Err(NotPush::OtherType(format!("a message of type {kind:?} is not a {SNAPSHOT}")));
    }
    let body = match head.config {
        Some(text) => text.into_bytes(),
        None => {
            // The old form is the first baseline form of a file with a type beside it.
            fields.remove("type");
            fields.remove("deliberate");
            compact(&fields)
        }
    };
    Ok(Push { version: head.version.unwrap_or_default(), body, deliberate: head.deliberate.unwrap_or_default() })
}

/// Writes members as Go's encoding/json does, without white space and sorted by name, so that a copy
/// on disk is the same bytes whichever binary kept it.
fn compact(fields: &BTreeMap<String, Box<RawValue>>) -> Vec<u8> {
    let mut out = String::from("{");
    for (name, value) in fields {
        if out.len() > 1 {
            out.push(',');
        }
        push_value(&mut out, &serde_json::Value::from(name.as_str()).to_string());
        out.push(':');
        push_value(&mut out, value.get());
    }
    out.push('}');
    out.into_bytes()
}

/// Appends a JSON value without white space between its tokens; what HTML could mistake is escaped.
fn push_value(out: &mut String, json: &str) {
    let (mut quoted, mut escaped) = (false, false);
    for c in json.chars() {
        match c {
            ' ' | '\t' | '\n' | '\r' if !quoted => continue,
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
        (quoted, escaped) = match c {
            '"' if !escaped => (!quoted, false),
            '\\' if quoted => (quoted, !escaped),
            _ => (quoted, false),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baselines_snapshot_becomes_a_file_of_the_first_baseline_form() {
        let message = br#"{"type":"config_snapshot", "version":"v1",
            "routingTable":{"b":"p", "a":"p"}, "cellEndpoints":{"p":"http://h:1/?a&b"}, "defaultPlacement":"p"}"#;
        let push = decode(message).unwrap();
        assert_eq!((push.version.as_str(), push.deliberate), ("v1", false));
        assert_eq!(
            String::from_utf8(push.body).unwrap(),
            r#"{"cellEndpoints":{"p":"http://h:1/?a\u0026b"},"defaultPlacement":"p","routingTable":{"b":"p","a":"p"},"version":"v1"}"#
        );
    }

    #[test]
    fn the_text_of_a_file_wins_over_the_old_fields() {
        let push = decode(br#"{"type":"config_snapshot","version":"v2","routingTable":{},"config":"lockstep: 1\n","deliberate":true}"#);
        let want = Push { version: "v2".into(), body: b"lockstep: 1\n".to_vec(), deliberate: true };
        assert_eq!(push, Ok(want));
    }

    #[test]
    fn what_is_no_snapshot_is_told_apart_from_what_is_damaged() {
        for (message, other) in [
            (&br#"{"type":"hello"}"#[..], true),
            (br#"{}"#, true),
            (br#"{"type":"config_snapshot","version":"#, false),
            (br#"{"type":"config_snapshot","version":3}"#, false),
            (br#"[]"#, false),
            (b"noise", false),
        ] {
            match decode(message) {
                Err(NotPush::OtherType(_)) => assert!(other, "{}", String::from_utf8_lossy(message)),
                Err(NotPush::Damaged(_)) => assert!(!other, "{}", String::from_utf8_lossy(message)),
                Ok(push) => panic!("{push:?}"),
            }
        }
    }

    #[test]
    fn answers_are_written_as_the_baseline_reads_them() {
        let json = |a: &Answer| serde_json::to_string(a).unwrap();
        assert_eq!(json(&ack("v1")), r#"{"type":"ack","version":"v1"}"#);
        assert_eq!(json(&nack("v1", "no")), r#"{"type":"nack","version":"v1","error":"no"}"#);
        let long = nack("v", &"é".repeat(4000));
        assert!(long.error.ends_with(" …") && long.error.len() < MAX_ERROR + 8);
    }
}

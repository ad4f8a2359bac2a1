//! Every golden vector of the repository, run as another implementation runs it: parsed, every decision
//! and digest recomputed, printed back byte for byte, stored and printed again, and completed from its
//! inputs alone.

mod common;

use std::fs;
use std::path::PathBuf;

use common::{converted, files, repository, same};
use lockstep_trace::{Form, Item, Reader, complete, verify};

fn traces() -> PathBuf {
    repository().join("traces")
}

/// Runs a check over every vector; the failure names each vector that does not pass, and why.
fn each(check: impl Fn(&[u8]) -> Result<(), String>) {
    let root = traces();
    let vectors: Vec<PathBuf> = ["ndjson", "lst"].iter().flat_map(|e| files(&root, e)).collect();
    let stories = files(&root, "story").len();
    assert!(stories > 0, "no story below {}", root.display());
    assert!(vectors.len() >= stories, "{} vectors for {stories} stories", vectors.len());
    let mut failed = Vec::new();
    for path in &vectors {
        let bytes = fs::read(path).unwrap();
        if let Err(why) = check(&bytes) {
            failed.push(format!("{}: {why}", path.strip_prefix(&root).unwrap_or(path).display()));
        }
    }
    assert!(failed.is_empty(), "{} of {} vectors fail:\n{}", failed.len(), vectors.len(), failed.join("\n"));
}

/// A vector without what a router makes of it. The first block keeps its state, as a block does that
/// does not join the one before.
fn inputs_only(vector: &str) -> String {
    let mut out = String::new();
    let (mut next, mut last) = (0, 0);
    for line in vector.lines() {
        let number = |from: &str| -> u64 {
            let digits = line.split_once(from).map_or("", |(_, rest)| rest);
            digits.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("").parse().unwrap_or(0)
        };
        if line.starts_with("{\"decision\"") {
            continue;
        }
        if line.starts_with("{\"step\"") {
            (last, next) = (number("\"step\":"), number("\"step\":") + 1);
        }
        if line.starts_with("{\"digest\"") {
            out.push_str("{\"digest\":\"0000000000000000\"}");
        } else if line.starts_with("{\"block\"") && last > 0 && number("\"step\":") == next {
            let head = line.split_once(",\"digest\"").map_or(line, |(head, _)| head);
            out.push_str(&format!("{head},\"digest\":\"0000000000000000\",\"snapshot\":\"\"}}"));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

#[test]
fn every_vector_replays_to_the_same_decisions_and_digests() {
    each(|bytes| {
        let mut r = Reader::new(bytes).map_err(|e| e.to_string())?;
        let report = verify(&mut r).map_err(|e| e.to_string())?;
        if let Some(d) = &report.divergence {
            return Err(d.to_string());
        }
        if let Some(e) = report.damage.first() {
            return Err(e.to_string());
        }
        let full = report.facts > 0 && report.decisions > 0 && report.digests > 1;
        if full { Ok(()) } else { Err(format!("it proves nothing: {report:?}")) }
    });
}

#[test]
fn every_vector_prints_back_byte_for_byte_and_survives_being_stored() {
    each(|bytes| {
        same(&converted(bytes, Form::Ndjson)?, bytes)?;
        let stored = converted(bytes, Form::Binary)?;
        same(&converted(&stored, Form::Ndjson)?, bytes)?;
        same(&converted(&stored, Form::Binary)?, &stored)
    });
}

#[test]
fn every_vector_is_completed_from_its_inputs_alone_in_both_forms() {
    each(|bytes| {
        let vector = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
        let question = inputs_only(vector);
        if question == vector {
            return Err("there is nothing to complete".into());
        }
        for form in [Form::Ndjson, Form::Binary] {
            let (question, want) = (converted(question.as_bytes(), form)?, converted(bytes, form)?);
            let mut answer = Vec::new();
            complete(&mut answer, form, &mut Reader::new(&question[..]).map_err(|e| e.to_string())?)?;
            same(&answer, &want)?;
        }
        Ok(())
    });
}

#[test]
fn a_changed_decision_or_input_is_noticed_in_every_vector_that_has_a_forward() {
    let mut tried = 0;
    for path in files(&traces(), "ndjson") {
        let vector = fs::read_to_string(&path).unwrap();
        let changed =
            vector.replacen("{\"decision\":\"forward\",\"rule\":3,", "{\"decision\":\"forward\",\"rule\":4,", 1);
        if changed == vector {
            continue;
        }
        tried += 1;
        let report = verify(&mut Reader::new(changed.as_bytes()).unwrap()).unwrap();
        let d = report.divergence.unwrap_or_else(|| panic!("{}: nobody noticed", path.display()));
        assert_eq!(d.field, "rule", "{}: {d}", path.display());
        assert!(d.recorded.contains("\"rule\":4") && d.replayed.contains("\"rule\":3"), "{d}");
    }
    assert!(tried > 100, "only {tried} vectors have a forward");
}

#[test]
fn every_vector_is_read_in_either_form_with_the_same_items() {
    each(|bytes| {
        let stored = converted(bytes, Form::Binary)?;
        let count = |bytes: &[u8]| -> Result<[usize; 5], String> {
            let mut r = Reader::new(bytes).map_err(|e| e.to_string())?;
            let mut n = [0; 5];
            while let Some(item) = r.next().map_err(|e| e.to_string())? {
                n[match item {
                    Item::Config(_) => 0,
                    Item::Block(_) => 1,
                    Item::Fact(_) => 2,
                    Item::Mark(_) => 3,
                    Item::Gap(_) => 4,
                }] += 1;
            }
            Ok(n)
        };
        let (printed, stored) = (count(bytes)?, count(&stored)?);
        if printed == stored { Ok(()) } else { Err(format!("{printed:?} printed, {stored:?} stored")) }
    });
}

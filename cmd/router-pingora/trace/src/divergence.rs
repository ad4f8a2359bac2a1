//! The first difference between what was recorded and what was recomputed.

use std::fmt;

use lockstep_core::{Decision, Time};

use crate::fact::Fact;
use crate::print::{append_decision_line, append_event_line};
use crate::replay::Replay;
use crate::schema::decision_fields;

/// The first difference between what was recorded and what was recomputed.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// At which step.
    pub step: u64,
    /// At what time.
    pub time: Time,
    /// In which block of its file, from 1.
    pub block: u64,
    /// The event, as NDJSON; empty for a digest.
    pub line: String,
    /// The decision within the step, `None` when it is not about one.
    pub index: Option<usize>,
    /// The field that differs, or what does.
    pub field: &'static str,
    /// The recorded decision as NDJSON; empty where there is none.
    pub recorded: String,
    /// The recomputed one.
    pub replayed: String,
    /// Both digests, recorded and recomputed, where they are what differs.
    pub digests: Option<(u64, u64)>,
    /// The state after the step of the placements and endpoints that the decisions name, a line each.
    pub around: Vec<String>,
}

impl Divergence {
    /// At the i-th decision of a fact, or at the fact itself.
    pub(crate) fn at(replay: &Replay, block: u64, f: &Fact, field: &'static str, i: Option<usize>) -> Self {
        let mut d = Divergence::of_state(f.step, f.time, block, field, None);
        d.line = text(|b| append_event_line(b, f));
        d.index = i;
        if let Some(i) = i {
            d.recorded = d.show(replay, f.decisions.get(i), f.time);
            d.replayed = d.show(replay, replay.out.get(i), f.time);
        }
        d
    }

    /// Between steps.
    pub(crate) fn of_state(
        step: u64,
        time: Time,
        block: u64,
        field: &'static str,
        digests: Option<(u64, u64)>,
    ) -> Self {
        Divergence {
            step,
            time,
            block,
            field,
            digests,
            line: String::new(),
            index: None,
            recorded: String::new(),
            replayed: String::new(),
            around: Vec::new(),
        }
    }

    fn show(&mut self, replay: &Replay, of: Option<&Decision>, now: Time) -> String {
        let Some(of) = of else { return String::new() };
        if let Some(r) = &replay.router {
            let p = r.placement(of.placement);
            if !p.name.is_empty() {
                self.add(format!("placement  {}: {} in flight, {} of them guests", p.name, p.in_flight, p.guests));
            }
            if let Some(e) = r.endpoint(of.endpoint) {
                let health = if e.unhealthy { "unhealthy" } else { "healthy" };
                self.add(format!(
                    "endpoint   {}: breaker {}, {} failures, {health}, {} in flight",
                    e.url, e.breaker, e.failures, e.in_flight
                ));
            }
        }
        text(|b| append_decision_line(b, of, now))
    }

    fn add(&mut self, line: String) {
        if !self.around.contains(&line) {
            self.around.push(line);
        }
    }
}

impl fmt::Display for Divergence {
    /// Tells a person where, what and in which state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "divergence at step {}, t={} ns, block {}: {} differs",
            self.step, self.time, self.block, self.field
        )?;
        if !self.line.is_empty() {
            writeln!(f, "  event      {}", self.line)?;
        }
        if let Some((recorded, replayed)) = self.digests {
            writeln!(f, "  recorded   {recorded:016x}\n  recomputed {replayed:016x}")?;
        } else if self.index.is_some() {
            writeln!(f, "  recorded   {}", or_nothing(&self.recorded))?;
            writeln!(f, "  recomputed {}", or_nothing(&self.replayed))?;
        }
        for line in &self.around {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}

fn or_nothing(s: &str) -> &str {
    if s.is_empty() { "nothing" } else { s }
}

fn text(append: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut b = Vec::new();
    append(&mut b);
    String::from_utf8_lossy(&b).into_owned()
}

/// Names the first field that differs, in the order of the schema.
pub(crate) fn differs(a: &Decision, b: &Decision) -> &'static str {
    if a.kind != b.kind {
        return "decision";
    }
    let field = decision_fields(a.kind).iter().find(|c| (c.get)(a) != (c.get)(b));
    field.map_or("a field outside the schema", |c| c.name)
}

//! Parsers of the printed view, one per kind of line. Members may come in any order but for the first,
//! which says what the line is; none may be unknown or there twice.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockstep_core::{Config, DecisionKind, EventKind, Time};

use crate::configs::Configs;
use crate::decode::{MAX_TIME, set_config};
use crate::enums::Enum;
use crate::fact::{BlockHead, Fact, Gap, Header, blank_decision};
use crate::frame::FORMAT_VERSION;
use crate::json::{Scanner, lossy};
use crate::schema::{Field, Wire, assign, decision_fields, event_fields};
use crate::wall_time::parse_wall_time;

impl Scanner<'_> {
    /// Reads the rest of a line's members, each at most once.
    fn rest(&mut self, each: impl FnMut(&mut Self, &[u8]) -> bool) {
        self.members(false, each);
        self.end();
    }

    pub fn header(&mut self) -> Header {
        let version = self.uint();
        if self.ok() && version != u64::from(FORMAT_VERSION) {
            self.fail(newer(version));
        }
        let mut h = Header::default();
        self.rest(|s, name| {
            match name {
                b"spec" => h.spec = s.text(),
                b"name" => h.name = s.text(),
                b"seed" => h.seed = s.uint(),
                b"config" => h.config = s.hash(),
                b"flags" => s.elements(|s| h.flags.push(s.text())),
                b"why" => h.why = s.text(),
                b"origin" => h.origin = s.wall_time(),
                _ => return false,
            }
            true
        });
        h
    }

    fn wall_time(&mut self) -> i64 {
        let text = self.text();
        parse_wall_time(&text).unwrap_or_else(|| {
            self.fail(format_args!("{text:?} is not a time such as 2026-11-19T14:07:31.482Z"));
            0
        })
    }

    pub fn gap(&mut self) -> Gap {
        let mut g = Gap { steps: self.uint(), ..Gap::default() };
        self.rest(|s, name| {
            match name {
                b"step" => g.step = s.uint(),
                b"blocks" => g.blocks = s.uint(),
                b"why" => g.why = s.text(),
                _ => return false,
            }
            true
        });
        g
    }

    pub fn config(&mut self, configs: &mut Configs) -> Option<Arc<Config>> {
        let digest = self.hash();
        let mut spec = None;
        self.rest(|s, name| {
            if name == b"spec" {
                spec = Some(s.spec());
            }
            name == b"spec"
        });
        if self.ok() && spec.is_none() {
            self.fail("the line has no spec");
        }
        let spec = spec.filter(|_| self.ok())?;
        match configs.add(digest, &spec) {
            Ok(c) => Some(c),
            Err(e) => {
                self.err = Some(e);
                None
            }
        }
    }

    pub fn block(&mut self) -> BlockHead {
        let mut h = BlockHead { number: self.uint(), ..BlockHead::default() };
        self.rest(|s, name| {
            match name {
                b"step" => h.step = s.uint(),
                b"t" => h.time = s.time(),
                b"digest" => h.digest = s.hash(),
                b"snapshot" => match STANDARD.decode(s.string()) {
                    Ok(b) => h.snapshot = b,
                    Err(e) => s.fail(format_args!("the snapshot: {e}")),
                },
                _ => return false,
            }
            true
        });
        h
    }

    fn time(&mut self) -> Time {
        let t = self.uint();
        if t > MAX_TIME as u64 {
            self.fail("the time is out of range");
            return 0;
        }
        t as Time
    }

    pub fn mark(&mut self) -> u64 {
        let digest = self.hash();
        self.rest(|_, _| false);
        digest
    }

    /// Reads an event line after the name of its first member, the step.
    pub fn event(&mut self, configs: &Configs, f: &mut Fact) {
        let step = self.uint();
        f.blank(EventKind::NONE, step, 0);
        let (mut time_known, mut kind_known) = (false, false);
        self.rest(|s, name| {
            if name == b"t" && !time_known {
                (f.time, time_known) = (s.time(), true);
                return true;
            }
            if name == b"event" && time_known && !kind_known {
                let kind = Enum::Event.value(&s.string()).unwrap_or_else(|| {
                    s.fail("there is no such event");
                    0
                });
                f.blank(EventKind(kind), step, f.time);
                kind_known = true;
                return true;
            }
            let Some(c) = event_fields(f.event.kind).iter().find(|c| c.name.as_bytes() == name) else { return false };
            s.event_field(c, configs, f);
            true
        });
        if self.ok() && !kind_known {
            self.fail("the line should begin with step, t and event, in this order");
        }
        f.complete();
    }

    fn event_field(&mut self, c: &Field<lockstep_core::Event>, configs: &Configs, f: &mut Fact) {
        let read = match c.wire {
            Wire::Key => {
                f.key.clear();
                f.key.extend_from_slice(&self.string());
                return;
            }
            Wire::Id => {
                f.id = self.id();
                return;
            }
            Wire::Hash => {
                let digest = self.hash();
                if !self.ok() {
                    return;
                }
                set_config(&mut f.event, configs, digest)
            }
            _ => return self.field(c, &mut f.event),
        };
        if let Err(e) = read {
            self.fail(e);
        }
    }

    /// Reads a decision line after the name of its first member and appends it to f.
    pub fn decision(&mut self, f: &mut Fact) {
        let name = self.string();
        if !self.ok() {
            return;
        }
        let Some(kind) = Enum::Decision.value(&name) else {
            self.fail(format_args!("there is no decision {:?}", lossy(&name)));
            return;
        };
        let kind = DecisionKind(kind);
        let mut d = blank_decision(kind, f.time);
        self.rest(|s, name| {
            let Some(c) = decision_fields(kind).iter().find(|c| c.name.as_bytes() == name) else { return false };
            s.field(c, &mut d);
            true
        });
        f.decisions.push(d);
    }

    fn field<T>(&mut self, c: &Field<T>, to: &mut T) {
        let v = self.value(c.wire, c.of);
        if self.ok()
            && let Err(e) = assign(c, to, v)
        {
            self.fail(e);
        }
    }

    /// Reads a field's value as its getter would return it.
    fn value(&mut self, w: Wire, of: Enum) -> u64 {
        match w {
            Wire::Bool => u64::from(self.bool()),
            Wire::Signed | Wire::Time | Wire::Number => self.int() as u64,
            Wire::Enum if self.peek() == b'"' => {
                let name = self.string();
                let v = of.value(&name);
                if self.ok() && v.is_none() {
                    self.fail(format_args!("there is no value {:?}", lossy(&name)));
                }
                v.map_or(0, u64::from)
            }
            _ => self.uint(),
        }
    }
}

/// What to tell a person whose trace is of another version.
pub(crate) fn newer(version: u64) -> String {
    format!("the trace has format version {version}, this program reads {FORMAT_VERSION}: use a newer one")
}

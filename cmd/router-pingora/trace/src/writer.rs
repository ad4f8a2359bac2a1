//! The trace of one router, written as it steps.

use std::io::{self, Write};
use std::sync::Arc;

use lockstep_core::{Config, Decision, Event, EventKind, Router};

use crate::convert::Form;
use crate::encoder::Encoder;
use crate::fact::{Header, Request};
use crate::sink::FrameSink;

/// How many facts lie between two digest marks of a Writer.
const MARK_EVERY: u64 = 1024;

/// Writes the trace of one router, in either form. The first error of the output is kept and returned by
/// `close`.
pub struct Writer<W: Write> {
    out: FrameSink<W>,
    enc: Encoder,
    marked: u64, // step of the last mark
    error: Option<io::Error>,
}

impl<W: Write> Writer<W> {
    /// Writes the header and begins a block with r's present state. r must be the router whose steps
    /// `observe` is told of, before its next step. A header without a configuration gets the one in force.
    pub fn new(to: W, form: Form, mut h: Header, r: &mut Router) -> Self {
        let mut w = Writer { out: FrameSink::new(to, form), enc: Encoder::new(), marked: 0, error: None };
        if let Some(c) = r.config().filter(|_| h.config == 0) {
            h.config = c.digest();
        }
        let written = w.out.header(&h);
        w.keep(written);
        if let Some(c) = r.config() {
            w.config(c);
        }
        w.enc.begin(Vec::new(), r, 1);
        w
    }

    /// Embeds a configuration; one that is there already is left out. `observe` does it for every adopt,
    /// so callers rarely need it.
    pub fn config(&mut self, c: &Arc<Config>) {
        let written = self.out.config(c);
        self.keep(written);
    }

    fn keep(&mut self, written: io::Result<()>) {
        if let Err(e) = written {
            self.error.get_or_insert(e);
        }
    }

    fn block(&mut self) {
        let block = self.enc.end();
        if self.error.is_none() {
            let written = self.out.block(block);
            self.keep(written);
        }
    }

    /// Writes the last block, which ends with the router's digest, and returns the first error of all.
    pub fn close(mut self, r: &mut Router) -> io::Result<()> {
        self.enc.mark(r.digest());
        self.block();
        self.error.map_or(Ok(()), Err)
    }
}

impl<W: Write> Writer<W> {
    /// Records one step of the router, which r is after it. req is `None` except for an arrive.
    pub fn observe(&mut self, r: &mut Router, ev: &Event, req: Option<Request<'_>>, decisions: &[Decision]) {
        if let Some(c) = ev.config.as_ref().filter(|_| ev.kind == EventKind::ADOPT) {
            self.config(c);
        }
        self.enc.append(r.now(), ev, req, decisions);
        if self.enc.step().wrapping_sub(self.marked) > MARK_EVERY {
            self.enc.mark(r.digest());
            self.marked = self.enc.step();
        }
        if self.enc.full() {
            self.block();
            let buf = self.out.buffer();
            self.enc.begin(buf, r, self.enc.step());
        }
    }
}

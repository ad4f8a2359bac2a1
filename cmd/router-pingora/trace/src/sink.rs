//! Writes what a trace consists of, in either form.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use lockstep_core::Config;

use crate::configs::Configs;
use crate::convert::Form;
use crate::decode::{BlockReader, Record};
use crate::encoder::{Block, Encoder, MIN_BLOCK};
use crate::fact::{BlockHead, Fact, Gap, Header};
use crate::frame::{FRAME_HEAD, MAX_FRAME};
use crate::print::{
    append_block_line, append_config, append_config_line, append_decision_line, append_event_line, append_file,
    append_gap, append_gap_line, append_header_line, append_mark_line,
};

/// Writes header, configurations, gaps and blocks, in one of the forms.
pub(crate) struct FrameSink<W> {
    to: W,
    form: Form,
    buf: Vec<u8>,
    spare: Vec<u8>, // the buffer of the last block
    blocks: u64,
    written: BTreeSet<u64>, // configurations
    // NDJSON: prints blocks
    facts: BlockReader,
    configs: Configs,
    fact: Fact,
}

impl<W: Write> FrameSink<W> {
    pub fn new(to: W, form: Form) -> Self {
        FrameSink {
            to,
            form,
            buf: Vec::new(),
            spare: Vec::new(),
            blocks: 0,
            written: BTreeSet::new(),
            facts: BlockReader::default(),
            configs: Configs::default(),
            fact: Fact::default(),
        }
    }

    fn put(&mut self, binary: impl FnOnce(&mut Vec<u8>), line: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.buf.clear();
        match self.form {
            Form::Binary => binary(&mut self.buf),
            Form::Ndjson => {
                line(&mut self.buf);
                self.buf.push(b'\n');
            }
        }
        self.to.write_all(&self.buf)
    }

    pub fn header(&mut self, h: &Header) -> io::Result<()> {
        self.put(|b| append_file(b, h), |b| append_header_line(b, h))
    }

    /// Writes a configuration unless it is there already.
    pub fn config(&mut self, c: &Arc<Config>) -> io::Result<()> {
        if !self.written.insert(c.digest()) {
            return Ok(());
        }
        self.configs.insert(c);
        self.put(|b| append_config(b, c), |b| append_config_line(b, c))
    }

    pub fn gap(&mut self, g: &Gap) -> io::Result<()> {
        self.put(|b| append_gap(b, g), |b| append_gap_line(b, g))
    }

    /// Ends the block that has begun, if any, and writes it.
    pub fn flush(&mut self, enc: &mut Encoder) -> io::Result<()> {
        if enc.is_open() { self.block(enc.end()) } else { Ok(()) }
    }

    /// A buffer for the next block.
    pub fn buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.spare)
    }

    /// Writes a finished block.
    pub fn block(&mut self, mut b: Block) -> io::Result<()> {
        if b.size() > MAX_FRAME {
            return Err(invalid(format!("a block of {} bytes is over the limit of {MAX_FRAME}", b.size())));
        }
        self.blocks += 1;
        match self.form {
            Form::Binary => {
                self.to.write_all(b.seal())?;
                self.spare = b.into_buffer();
                Ok(())
            }
            Form::Ndjson => {
                self.facts.payload.clear();
                self.facts.payload.extend_from_slice(&b.0[FRAME_HEAD..]);
                self.spare = b.into_buffer();
                self.print()
            }
        }
    }

    /// Writes the block in `facts` as lines.
    fn print(&mut self) -> io::Result<()> {
        let mut head = BlockHead::default();
        let number = self.blocks;
        let trouble = move |e: String| invalid(format!("printing block {number}: {e}"));
        self.facts.open(&mut head).map_err(trouble)?;
        head.number = self.blocks;
        self.buf.clear();
        append_block_line(&mut self.buf, &head);
        self.buf.push(b'\n');
        loop {
            match self.facts.next(&mut self.fact, &self.configs).map_err(trouble)? {
                Record::End => return self.to.write_all(&self.buf),
                Record::Mark(digest) => append_mark_line(&mut self.buf, digest),
                Record::Fact => {
                    append_event_line(&mut self.buf, &self.fact);
                    for d in &self.fact.decisions {
                        self.buf.push(b'\n');
                        append_decision_line(&mut self.buf, d, self.fact.time);
                    }
                }
            }
            self.buf.push(b'\n');
            if self.buf.len() > MIN_BLOCK {
                self.to.write_all(&self.buf)?;
                self.buf.clear();
            }
        }
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

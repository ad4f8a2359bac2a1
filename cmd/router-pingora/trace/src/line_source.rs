//! The printed view, read line by line.

use std::io::Read;

use lockstep_core::Time;

use crate::configs::Configs;
use crate::fact::{BlockHead, Fact, Gap, Header};
use crate::frame::MAX_FRAME;
use crate::input::Input;
use crate::json::{Scanner, lossy};
use crate::reader::{DamageError, Found, ReadError};

/// Reads the printed view.
pub(crate) struct LineSource {
    buf: Vec<u8>, // the current line
    line: u64,    // its number
    again: bool,  // the current line has not been dealt with
    skip: bool,   // after damage: on to the next block

    blocks: u64,
    in_block: bool,
    step: u64, // of the next event
    last: Time,
    pub block: BlockHead,
    pub fact: Fact,
    pub gap: Gap,
}

const BLOCK_PREFIX: &[u8] = b"{\"block\":";

impl LineSource {
    pub fn new() -> Self {
        LineSource {
            buf: Vec::new(),
            line: 0,
            again: false,
            skip: false,
            blocks: 0,
            in_block: false,
            step: 0,
            last: 0,
            block: BlockHead::default(),
            fact: Fact::default(),
            gap: Gap::default(),
        }
    }

    pub fn open<R: Read>(&mut self, input: &mut Input<R>) -> Result<Header, ReadError> {
        self.read(input)?;
        let (mut s, first) = begin(&self.buf);
        if *first != *b"lockstep" {
            s.fail("a trace begins with {\"lockstep\":1");
        }
        let h = s.header();
        s.done(h).map_err(|e| ReadError::Header(format!("line {}: {e}", self.line)))
    }

    /// Reads the next line unless the current one waits; false at the end.
    fn read<R: Read>(&mut self, input: &mut Input<R>) -> Result<bool, ReadError> {
        if std::mem::take(&mut self.again) {
            return Ok(true);
        }
        let more = input.line(&mut self.buf, MAX_FRAME)?;
        self.line += u64::from(more);
        Ok(more)
    }

    pub fn next<R: Read>(&mut self, input: &mut Input<R>, configs: &mut Configs) -> Result<Found, ReadError> {
        loop {
            if !self.read(input)? {
                return Ok(Found::End);
            }
            if self.skip && !self.buf.starts_with(BLOCK_PREFIX) {
                continue;
            }
            self.skip = false;
            let found = self.item(configs).and_then(|found| {
                if let Found::Fact = found { self.decisions(input).map(|()| found) } else { Ok(found) }
            });
            return found.map_err(|e| {
                (self.skip, self.in_block) = (true, false);
                e.into_error(self.blocks, self.line)
            });
        }
    }

    fn item(&mut self, configs: &mut Configs) -> Result<Found, Trouble> {
        let (mut s, first) = begin(&self.buf);
        match &*first {
            b"step" => {
                s.event(configs, &mut self.fact);
                let read = s.done(());
                self.inside("an event")?;
                read?;
                self.follows()?;
                Ok(Found::Fact)
            }
            b"digest" => {
                let digest = s.mark();
                s.done(())?;
                self.inside("a digest")?;
                Ok(Found::Mark(digest))
            }
            b"block" => {
                let head = s.block();
                let read = s.done(());
                self.open_block(head)?;
                read?;
                Ok(Found::Block)
            }
            b"config" => {
                self.in_block = false;
                let c = s.config(configs);
                let c = s.done(c)?.ok_or("the configuration could not be read")?;
                Ok(Found::Config(c))
            }
            b"gap" => {
                self.gap = s.gap();
                self.in_block = false;
                s.done(Found::Gap).map_err(Trouble::Damage)
            }
            b"decision" => {
                s.fail("a decision without its event");
                s.done(Found::End).map_err(Trouble::Damage)
            }
            other => {
                s.fail(format_args!("a line cannot begin with {:?}", lossy(other)));
                s.done(Found::End).map_err(Trouble::Damage)
            }
        }
    }

    fn inside(&self, what: &str) -> Result<(), Trouble> {
        if self.in_block {
            return Ok(());
        }
        Err(Trouble::Damage(format!("{what} outside of a block; a block line must come before it")))
    }

    fn open_block(&mut self, head: BlockHead) -> Result<(), Trouble> {
        self.blocks += 1;
        self.block = head;
        self.block.offset = self.line;
        (self.in_block, self.step, self.last) = (true, self.block.step, self.block.time);
        if self.block.number != self.blocks {
            return Err(format!("this is block {} of the file, not {}", self.blocks, self.block.number).into());
        }
        Ok(())
    }

    /// Checks that the fact follows the one before.
    fn follows(&mut self) -> Result<(), Trouble> {
        if self.fact.step != self.step {
            return Err(format!("the step should be {}", self.step).into());
        }
        if self.fact.time < self.last {
            return Err(format!("time runs backwards: {} after {}", self.fact.time, self.last).into());
        }
        (self.step, self.last) = (self.step.wrapping_add(1), self.fact.time);
        Ok(())
    }

    /// Reads the decisions on the lines below an event.
    fn decisions<R: Read>(&mut self, input: &mut Input<R>) -> Result<(), Trouble> {
        while self.read(input).map_err(Trouble::Other)? {
            let (mut s, first) = begin(&self.buf);
            if *first != *b"decision" {
                self.again = true;
                break;
            }
            s.decision(&mut self.fact);
            s.done(())?;
        }
        Ok(())
    }
}

/// Opens the object of a line and returns the name of its first member.
fn begin(line: &[u8]) -> (Scanner<'_>, std::borrow::Cow<'_, [u8]>) {
    let mut s = Scanner::new(line);
    s.expect(b'{');
    let name = s.key(true).unwrap_or_default();
    (s, name)
}

/// What keeps an item from being read.
enum Trouble {
    Damage(String),
    Other(ReadError),
}

impl From<String> for Trouble {
    fn from(e: String) -> Self {
        Trouble::Damage(e)
    }
}

impl From<&str> for Trouble {
    fn from(e: &str) -> Self {
        Trouble::Damage(e.into())
    }
}

impl Trouble {
    fn into_error(self, block: u64, line: u64) -> ReadError {
        match self {
            Trouble::Damage(what) => ReadError::Damage(DamageError { block, offset: 0, line, what }),
            Trouble::Other(e) => e,
        }
    }
}

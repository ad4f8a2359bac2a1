//! Both forms behind one face, one item at a time.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use lockstep_core::Config;

use crate::binary_source::BinarySource;
use crate::configs::Configs;
use crate::fact::{BlockHead, Fact, Gap, Header};
use crate::frame::{FILE_HEAD, FILE_MAGIC};
use crate::input::Input;
use crate::line_source::LineSource;

/// One thing read from a trace.
pub enum Item<'a> {
    /// A configuration.
    Config(Arc<Config>),
    /// The facts that follow belong to it.
    Block(&'a BlockHead),
    /// One step.
    Fact(&'a mut Fact),
    /// The digest of the state after the last fact.
    Mark(u64),
    /// Facts are missing here.
    Gap(&'a Gap),
}

/// What a source has found; what it holds of it stays inside.
pub(crate) enum Found {
    Config(Arc<Config>),
    Block,
    Fact,
    Mark(u64),
    Gap,
    End,
}

/// A part of a trace that cannot be read. The reader goes on with what follows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DamageError {
    /// The block it is in or, between blocks, the one before; from 1.
    pub block: u64,
    /// Stored form: the byte at which the damaged frame begins; NDJSON: 0.
    pub offset: u64,
    /// NDJSON: the line, from 1; stored form: 0.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for DamageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            return write!(f, "line {} (block {}): {}", self.line, self.block, self.what);
        }
        write!(f, "block {} at byte {}: {}", self.block, self.offset, self.what)
    }
}

/// Why an item cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// This part cannot be read; reading goes on with the next call.
    Damage(DamageError),
    /// What the input is not, or which version it would need.
    Header(String),
    /// The input failed.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Damage(e) => e.fmt(f),
            ReadError::Header(e) => write!(f, "reading a trace: {e}"),
            ReadError::Io(e) => write!(f, "reading a trace: {e}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(e: io::Error) -> Self {
        ReadError::Io(e)
    }
}

/// Reads a trace in either form, one item at a time.
pub struct Reader<R> {
    input: Input<R>,
    header: Header,
    configs: Configs,
    source: Source,
}

enum Source {
    Binary(Box<BinarySource>),
    Lines(Box<LineSource>),
}

impl<R: Read> Reader<R> {
    /// Finds out which form from has and reads the header. The error says what the input is not, or
    /// which version it would need.
    pub fn new(from: R) -> Result<Self, ReadError> {
        let mut input = Input::new(from);
        let start = input.peek(FILE_HEAD)?;
        let (header, source);
        if start.is_empty() {
            return Err(ReadError::Header("the file is empty".into()));
        } else if start.len() == FILE_HEAD && start.starts_with(FILE_MAGIC) {
            let mut s = Box::<BinarySource>::default();
            header = s.open(&mut input)?;
            source = Source::Binary(s);
        } else if start[0] == b'{' {
            let mut s = Box::new(LineSource::new());
            header = s.open(&mut input)?;
            source = Source::Lines(s);
        } else {
            let what = "it begins neither with LSTRACE nor with a {\"lockstep\":1 line; \
                        is it a trace, and not compressed?";
            return Err(ReadError::Header(what.into()));
        }
        Ok(Reader { input, header, configs: Configs::default(), source })
    }

    /// From now on a configuration may be stated under digest 0, which asks what it compiles to.
    pub(crate) fn permit_unstated(&mut self) {
        self.configs.unstated = true;
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Which form the trace has.
    pub fn form(&self) -> crate::Form {
        match self.source {
            Source::Binary(_) => crate::Form::Binary,
            Source::Lines(_) => crate::Form::Ndjson,
        }
    }

    /// A configuration read so far, `None` if there is none with that digest.
    pub fn config(&self, digest: u64) -> Option<&Arc<Config>> {
        self.configs.get(digest)
    }

    /// The next item, `None` at the end. After [`ReadError::Damage`] reading goes on with the next call.
    #[allow(clippy::should_implement_trait)] // what it returns is lent until the next call
    pub fn next(&mut self) -> Result<Option<Item<'_>>, ReadError> {
        let found = match &mut self.source {
            Source::Binary(s) => s.next(&mut self.input, &mut self.configs)?,
            Source::Lines(s) => s.next(&mut self.input, &mut self.configs)?,
        };
        let (block, fact, gap) = match &mut self.source {
            Source::Binary(s) => (&s.block, &mut s.fact, &s.gap),
            Source::Lines(s) => (&s.block, &mut s.fact, &s.gap),
        };
        Ok(match found {
            Found::Config(c) => Some(Item::Config(c)),
            Found::Block => Some(Item::Block(block)),
            Found::Fact => Some(Item::Fact(fact)),
            Found::Mark(digest) => Some(Item::Mark(digest)),
            Found::Gap => Some(Item::Gap(gap)),
            Found::End => None,
        })
    }
}

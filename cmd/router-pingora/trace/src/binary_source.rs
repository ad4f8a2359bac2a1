//! The stored form, read frame by frame.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::configs::Configs;
use crate::decode::{BlockReader, Record};
use crate::fact::{BlockHead, Fact, Gap, Header};
use crate::frame::{
    FILE_HEAD, FLAG_GZIP, FORMAT_VERSION, FRAME_BLOCK, FRAME_CONFIG, FRAME_GAP, FRAME_HEAD, FRAME_HEADER, MAX_FRAME,
    MAX_INFLATED, u32_at, valid_head,
};
use crate::input::Input;
use crate::json::Scanner;
use crate::lines::newer;
use crate::reader::{DamageError, Found, ReadError};

/// Reads the stored form.
#[derive(Default)]
pub(crate) struct BinarySource {
    offset: u64, // of the next byte
    start: u64,  // of the current frame
    blocks: u64,
    in_block: bool,
    stored: Vec<u8>,    // of a compressed frame
    facts: BlockReader, // holds the payload of the current frame
    pub block: BlockHead,
    pub fact: Fact,
    pub gap: Gap,
}

impl BinarySource {
    pub fn open<R: Read>(&mut self, input: &mut Input<R>) -> Result<Header, ReadError> {
        let version = input.peek(FILE_HEAD)?[FILE_HEAD - 1];
        self.skip(input, FILE_HEAD);
        if version != FORMAT_VERSION {
            return Err(ReadError::Header(newer(u64::from(version))));
        }
        let kind = self.frame(input).map_err(|e| ReadError::Header(format!("the header: {e}")))?;
        let read = match kind {
            Some(FRAME_HEADER) => self.line("lockstep", |s| s.header()),
            Some(kind) => Err(format!("the first frame has type {kind}, not {FRAME_HEADER}, a header")),
            None => Err("the file is cut short".into()),
        };
        read.map_err(|e| ReadError::Header(format!("the header: {e}")))
    }

    /// Reads the line in a frame, which should begin with that member.
    fn line<T>(&self, first: &str, read: impl FnOnce(&mut Scanner<'_>) -> T) -> Result<T, String> {
        let mut s = Scanner::new(&self.facts.payload);
        s.expect(b'{');
        let name = s.key(true).unwrap_or_default();
        if *name != *first.as_bytes() {
            s.fail(format_args!("it should begin with {{\"{first}\":"));
        }
        let value = read(&mut s);
        s.done(value)
    }

    pub fn next<R: Read>(&mut self, input: &mut Input<R>, configs: &mut Configs) -> Result<Found, ReadError> {
        if self.in_block {
            match self.facts.next(&mut self.fact, configs) {
                Ok(Record::Fact) => return Ok(Found::Fact),
                Ok(Record::Mark(digest)) => return Ok(Found::Mark(digest)),
                Ok(Record::End) => self.in_block = false,
                Err(e) => {
                    self.in_block = false;
                    return Err(self.damage(e));
                }
            }
        }
        let Some(kind) = self.frame(input)? else { return Ok(Found::End) };
        self.item(kind, configs).map_err(|e| self.damage(e))
    }

    fn damage(&self, what: impl Into<String>) -> ReadError {
        ReadError::Damage(DamageError { block: self.blocks, offset: self.start, line: 0, what: what.into() })
    }

    fn item(&mut self, kind: u8, configs: &mut Configs) -> Result<Found, String> {
        match kind {
            FRAME_BLOCK => {
                self.facts.open(&mut self.block)?;
                (self.block.number, self.block.offset) = (self.blocks, self.start);
                self.in_block = true;
                Ok(Found::Block)
            }
            FRAME_CONFIG => {
                let c = self.line("config", |s| s.config(configs))?;
                c.map(Found::Config).ok_or_else(|| "the configuration could not be read".into())
            }
            FRAME_GAP => {
                self.gap = self.line("gap", |s| s.gap())?;
                Ok(Found::Gap)
            }
            _ => Err(format!("there is no frame type {kind}")),
        }
    }

    /// Reads the next frame's payload and returns its type, `None` at the end. After an error the input
    /// stands where the next frame may begin.
    fn frame<R: Read>(&mut self, input: &mut Input<R>) -> Result<Option<u8>, ReadError> {
        self.start = self.offset;
        let mut head = [0; FRAME_HEAD];
        let have = input.peek(FRAME_HEAD)?;
        let n = have.len();
        head[..n].copy_from_slice(have);
        if n < FRAME_HEAD {
            self.skip(input, n);
            if n == 0 {
                return Ok(None);
            }
            self.blocks += 1;
            return Err(self.damage(format!("the file is cut short: {n} bytes of a frame's head")));
        }
        if !valid_head(&head) {
            self.blocks += 1; // most frames are blocks
            let damage = self.damage("CRC mismatch in the head of the frame");
            self.resync(input)?;
            return Err(damage);
        }
        let (kind, flags) = (head[4], head[5]);
        self.blocks += u64::from(kind == FRAME_BLOCK);
        self.skip(input, FRAME_HEAD);
        self.read(input, u32_at(&head, 8) as usize)?;
        self.unpack(flags, u32_at(&head, 12))?;
        Ok(Some(kind))
    }

    fn skip<R: Read>(&mut self, input: &mut Input<R>, n: usize) {
        self.offset += input.skip(n) as u64;
    }

    /// Moves to the next valid head of a frame, or to the end.
    fn resync<R: Read>(&mut self, input: &mut Input<R>) -> Result<(), ReadError> {
        loop {
            self.skip(input, 1);
            let head = input.peek(FRAME_HEAD)?;
            let n = head.len();
            if n < FRAME_HEAD {
                self.skip(input, n);
                return Ok(());
            }
            if valid_head(head) {
                return Ok(());
            }
        }
    }

    fn read<R: Read>(&mut self, input: &mut Input<R>, n: usize) -> Result<(), ReadError> {
        self.facts.payload.clear();
        if n > MAX_FRAME {
            return Err(self.damage(format!("a frame of {n} bytes is over the limit of {MAX_FRAME}")));
        }
        let got = input.read(&mut self.facts.payload, n)?;
        self.offset += got as u64;
        if got < n {
            return Err(self.damage(format!("the file is cut short: {} bytes of the frame are missing", n - got)));
        }
        Ok(())
    }

    /// Inflates the payload if need be and checks it.
    fn unpack(&mut self, flags: u8, crc: u32) -> Result<(), ReadError> {
        if flags & !FLAG_GZIP != 0 {
            return Err(self.damage(format!(
                "the frame has flags {flags:#x}, this program knows {FLAG_GZIP:#x}: use a newer one"
            )));
        }
        if flags & FLAG_GZIP != 0 {
            std::mem::swap(&mut self.stored, &mut self.facts.payload);
            self.facts.payload.clear();
            let inflated = MultiGzDecoder::new(&self.stored[..])
                .take(MAX_INFLATED as u64 + 1)
                .read_to_end(&mut self.facts.payload);
            if let Err(e) = inflated {
                return Err(self.damage(format!("inflating the frame: {e}")));
            }
            if self.facts.payload.len() > MAX_INFLATED {
                return Err(self.damage(format!("a compressed frame of over {MAX_INFLATED} bytes")));
            }
        }
        let got = crc32c::crc32c(&self.facts.payload);
        if got != crc {
            return Err(self.damage(format!("CRC mismatch: stored {crc:08x}, computed {got:08x}")));
        }
        Ok(())
    }
}

//! The facts of one block's payload, read.

use std::sync::Arc;

use lockstep_core::{Decision, DecisionKind, Event, EventKind, Time};

use crate::configs::Configs;
use crate::encoder::mask_size;
use crate::fact::{BlockHead, Fact, blank_decision};
use crate::frame::{BLOCK_HEAD, TAG_MARK, u32_at, u64_at};
use crate::keyrefs::KeySpan;
use crate::schema::{DECISION_KINDS, EVENT_KINDS, Field, Wire, assign, decision_fields, event_fields};
use crate::varint::take_uint;

/// The last time that core knows.
pub(crate) const MAX_TIME: Time = 1 << 62;

/// Reads the facts of one block's payload.
#[derive(Default)]
pub(crate) struct BlockReader {
    pub payload: Vec<u8>,
    i: usize,
    step: u64,
    last: Time,
    keys: Vec<KeySpan>,
}

/// What stands next in a block.
pub(crate) enum Record {
    Fact,
    Mark(u64),
    End,
}

const SHORT: &str = "it ends in the middle of a fact";
const RANGE: &str = "a number is out of range";
const ABSENT: &str = "a field that should be left out is written";

type Result<T> = std::result::Result<T, String>;

impl BlockReader {
    /// Reads the block's head, but for its place in the file.
    pub fn open(&mut self, h: &mut BlockHead) -> Result<()> {
        let b = &self.payload;
        if b.len() < BLOCK_HEAD {
            return Err("it is too short for a block".into());
        }
        (h.step, h.time, h.digest) = (u64_at(b, 0), u64_at(b, 8) as Time, u64_at(b, 16));
        let size = u32_at(b, 24) as usize;
        if size > b.len() - BLOCK_HEAD {
            return Err("its snapshot is longer than it is".into());
        }
        h.snapshot.clear();
        h.snapshot.extend_from_slice(&b[BLOCK_HEAD..BLOCK_HEAD + size]);
        (self.i, self.step, self.last) = (BLOCK_HEAD + size, h.step, h.time);
        self.keys.clear();
        if !(0..=MAX_TIME).contains(&h.time) {
            return Err(format!("its time: {RANGE}"));
        }
        Ok(())
    }

    /// Reads a fact into f, or a mark; at the end of the block neither.
    pub fn next(&mut self, f: &mut Fact, configs: &Configs) -> Result<Record> {
        let Some(&tag) = self.payload.get(self.i) else { return Ok(Record::End) };
        self.i += 1;
        if tag == TAG_MARK {
            return Ok(Record::Mark(self.hash()?));
        }
        if tag >= EVENT_KINDS {
            return Err(format!("there is no event kind {tag}"));
        }
        self.fact(f, EventKind(tag), configs)?;
        Ok(Record::Fact)
    }

    fn fact(&mut self, f: &mut Fact, kind: EventKind, configs: &Configs) -> Result<()> {
        let delta = self.uint()?;
        if delta > (MAX_TIME - self.last) as u64 {
            return Err(format!("time: {RANGE}"));
        }
        self.last += delta as Time;
        f.blank(kind, self.step, self.last);
        self.step = self.step.wrapping_add(1);
        self.event(f, configs)?;
        f.complete();
        let n = self.uint()?;
        for _ in 0..n {
            // Every decision takes a byte or more, so a hostile count ends with the payload.
            let d = self.decision()?;
            f.decisions.push(d);
        }
        Ok(())
    }

    fn event(&mut self, f: &mut Fact, configs: &Configs) -> Result<()> {
        let fields = event_fields(f.event.kind);
        let mut mask = self.mask(fields.len())?;
        while mask != 0 {
            let c = &fields[mask.trailing_zeros() as usize];
            mask &= mask - 1;
            match c.wire {
                Wire::Key => self.key(&mut f.key)?,
                Wire::Id => f.id = self.id()?,
                Wire::Hash => {
                    let digest = self.hash()?;
                    set_config(&mut f.event, configs, digest)?;
                }
                _ => self.assign(c, &mut f.event)?,
            }
        }
        Ok(())
    }

    fn decision(&mut self) -> Result<Decision> {
        let kind = self.byte()?;
        if kind >= DECISION_KINDS {
            return Err(format!("there is no decision kind {kind}"));
        }
        let kind = DecisionKind(kind);
        let mut d = blank_decision(kind, self.last);
        let fields = decision_fields(kind);
        let mut mask = self.mask(fields.len())?;
        while mask != 0 {
            self.assign(&fields[mask.trailing_zeros() as usize], &mut d)?;
            mask &= mask - 1;
        }
        Ok(d)
    }

    /// Reads one number, undoes its wire form and sets the field to it.
    fn assign<T>(&mut self, c: &Field<T>, to: &mut T) -> Result<()> {
        if c.wire == Wire::Bool {
            (c.set)(to, 1);
            return Ok(());
        }
        match self.uint()? {
            0 => Err(ABSENT.into()),
            v => assign(c, to, c.wire.decode(v, self.last)),
        }
    }

    fn byte(&mut self) -> Result<u8> {
        let b = self.payload.get(self.i).copied().ok_or(SHORT)?;
        self.i += 1;
        Ok(b)
    }

    fn uint(&mut self) -> Result<u64> {
        match self.payload.get(self.i) {
            Some(&b) if b < 0x80 => {
                self.i += 1;
                Ok(u64::from(b))
            }
            _ => {
                let (v, n) = take_uint(&self.payload[self.i..]).ok_or(SHORT)?;
                self.i += n;
                Ok(v)
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let b = self.payload.get(self.i..self.i + N).ok_or(SHORT)?;
        let mut v = [0; N];
        v.copy_from_slice(b);
        self.i += N;
        Ok(v)
    }

    fn hash(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn id(&mut self) -> Result<[u64; 2]> {
        match [u64::from_be_bytes(self.take()?), u64::from_be_bytes(self.take()?)] {
            [0, 0] => Err(ABSENT.into()),
            id => Ok(id),
        }
    }

    /// Reads a reference into the string table, or a key spelled out.
    fn key(&mut self, key: &mut Vec<u8>) -> Result<()> {
        let number = self.uint()?;
        if number > 0 {
            let w = usize::try_from(number - 1)
                .ok()
                .and_then(|n| self.keys.get(n))
                .ok_or_else(|| format!("key {number} is named but only {} have been spelled out", self.keys.len()))?;
            key.extend_from_slice(w.of(&self.payload));
            return Ok(());
        }
        let n = self.uint()?;
        if n > (self.payload.len() - self.i) as u64 {
            return Err(SHORT.into());
        }
        if n == 0 {
            return Err(ABSENT.into());
        }
        let w = KeySpan { start: self.i as u32, end: (self.i + n as usize) as u32 };
        self.keys.push(w);
        self.i += n as usize;
        key.extend_from_slice(w.of(&self.payload));
        Ok(())
    }

    fn mask(&mut self, n: usize) -> Result<u16> {
        let mut mask = 0u16;
        for k in 0..mask_size(n) {
            mask |= u16::from(self.byte()?) << (8 * k);
        }
        if u32::from(mask) >> n != 0 {
            return Err("a field is present that its kind does not have".into());
        }
        Ok(mask)
    }
}

/// Looks up the configuration that an adopt names.
pub(crate) fn set_config(ev: &mut Event, configs: &Configs, digest: u64) -> Result<()> {
    let c = configs.get(digest).ok_or_else(|| {
        format!("configuration {digest:016x} is adopted, but it is not in the file before this block")
    })?;
    ev.config = Some(Arc::clone(c));
    Ok(())
}

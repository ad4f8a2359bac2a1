//! The stored form, written: facts into blocks.

use lockstep_core::{Decision, DecisionKind, Event, EventKind, Router, Time};

use crate::fact::{BlockHead, Request};
use crate::frame::{BLOCK_HEAD, FRAME_BLOCK, FRAME_HEAD, TAG_MARK, seal_frame};
use crate::hot;
use crate::keyrefs::KeyRefs;
use crate::schema::{DECISION_KINDS, EVENT_KINDS, Field, Wire, decision_fields, event_fields};
use crate::varint::put_uint;

/// The size in bytes that a block reaches before it is full.
pub const MIN_BLOCK: usize = 64 << 10;
/// How many times its snapshot a block is, so that snapshots stay a small part of a recording.
const BLOCK_SHARE: usize = 16;
/// Room past full, so that the fact that fills a block fits.
const BLOCK_SLACK: usize = 8 << 10;

/// Bytes of an encoded event without its key.
const MAX_EVENT_SIZE: usize = 192;
/// Bytes of an encoded decision.
const MAX_DECISION_SIZE: usize = 128;

/// Turns facts into blocks in memory. `append` costs no allocation while the buffer given to `begin`
/// has room. It lives under the lock that orders the facts:
///
/// ```text
/// let mut e = Encoder::new();
/// e.begin(pool.get(), &mut router, 1);                      // before the first step
/// e.append(router.now(), &event, request, &decisions);  // after each step, as an Observer is called
/// if e.full() {
///     let block = e.end();                              // hand it to the writing thread ...
///     e.begin(pool.get(), &mut router, e.step());
/// }
/// file.write_all(block.seal())                          // ... which seals it off the lock
/// ```
///
/// A file is [`append_file`](crate::append_file), [`append_config`](crate::append_config) for every
/// configuration that a block names (before that block: the one in force at its start and those that its
/// adopts brought), then blocks, with [`append_gap`](crate::append_gap) where some were dropped.
pub struct Encoder {
    buf: Vec<u8>,
    open: bool,
    full: usize, // bytes
    step: u64,
    last: Time,
    keys: KeyRefs,
}

/// A finished block: one whole frame of a file, but for its checksum until `seal` is called.
pub struct Block(pub(crate) Vec<u8>);

impl Block {
    /// Completes the frame with its length and checksums and returns it, ready to be written to a file.
    /// It takes time in proportion to the block's size, so call it off the lock. Calling it twice is
    /// harmless.
    pub fn seal(&mut self) -> &[u8] {
        seal_frame(&mut self.0, FRAME_BLOCK);
        &self.0
    }

    /// Gives the buffer back, for a pool.
    pub fn into_buffer(self) -> Vec<u8> {
        self.0
    }

    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder; call `begin` before `append`.
    pub fn new() -> Self {
        Encoder { buf: Vec::new(), open: false, full: 0, step: 0, last: 0, keys: KeyRefs::new() }
    }

    /// Starts a block in buf, which is emptied, with the router's present state; step is the number of
    /// the first fact to come, 1 for the first of all. A small buf grows to the right size, so pooled
    /// buffers stop growing.
    pub fn begin(&mut self, buf: Vec<u8>, r: &mut Router, step: u64) {
        let digest = r.digest();
        self.begin_with(buf, step, r.now(), digest, |b| r.snapshot(b));
    }

    /// Starts a block with a state that somebody else had.
    pub(crate) fn begin_at(&mut self, buf: Vec<u8>, h: &BlockHead) {
        self.begin_with(buf, h.step, h.time, h.digest, |b| b.extend_from_slice(&h.snapshot));
    }

    fn begin_with(
        &mut self,
        mut buf: Vec<u8>,
        step: u64,
        time: Time,
        digest: u64,
        snapshot: impl FnOnce(&mut Vec<u8>),
    ) {
        buf.clear();
        buf.reserve(MIN_BLOCK + BLOCK_SLACK);
        buf.resize(FRAME_HEAD + BLOCK_HEAD, 0);
        snapshot(&mut buf);
        let size = buf.len() - FRAME_HEAD - BLOCK_HEAD;
        let head = &mut buf[FRAME_HEAD..];
        head[..8].copy_from_slice(&step.to_le_bytes());
        head[8..16].copy_from_slice(&time.to_le_bytes());
        head[16..24].copy_from_slice(&digest.to_le_bytes());
        head[24..28].copy_from_slice(&(size as u32).to_le_bytes());
        self.full = MIN_BLOCK.max(BLOCK_SHARE * size);
        buf.reserve((self.full + BLOCK_SLACK).saturating_sub(buf.len()));
        (self.buf, self.open, self.step, self.last) = (buf, true, step, time);
        self.keys.reset();
    }

    /// Records one fact. req is `None` except for an arrive; `ev.request` must be the hash of its id. A
    /// now below the last one counts as that one, as in core. It keeps none of its arguments.
    pub fn append(&mut self, now: Time, ev: &Event, req: Option<Request<'_>>, decisions: &[Decision]) {
        debug_assert!(self.open, "append before begin");
        let key = req.map_or(0, |r| r.key.len());
        self.buf.reserve(MAX_EVENT_SIZE + MAX_DECISION_SIZE * decisions.len() + key);
        let now = now.max(self.last);
        // The router ignores events of no known kind alike.
        let kind = if ev.kind.0 < EVENT_KINDS { ev.kind } else { EventKind::NONE };
        self.buf.push(kind.0);
        put_uint(&mut self.buf, (now - self.last) as u64);
        match kind {
            EventKind::ARRIVE => hot::arrive(&mut self.buf, &mut self.keys, ev, req),
            EventKind::FINISH => hot::finish(&mut self.buf, ev),
            _ => fields(&mut self.buf, event_fields(kind), now, ev),
        }
        put_uint(&mut self.buf, decisions.len() as u64);
        for d in decisions {
            if d.kind == DecisionKind::FORWARD {
                hot::forward(&mut self.buf, d, now);
            } else {
                decision(&mut self.buf, d, now);
            }
        }
        self.step = self.step.wrapping_add(1);
        self.last = now;
    }

    /// Records the router's digest after the last fact, for replay to check.
    pub fn mark(&mut self, digest: u64) {
        self.buf.push(TAG_MARK);
        self.buf.extend_from_slice(&digest.to_le_bytes());
    }

    /// The number of the next fact.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Whether the block has reached its size: call `end`, then `begin`. Going on without is allowed, up
    /// to [`MAX_FRAME`](crate::MAX_FRAME) bytes.
    pub fn full(&self) -> bool {
        self.buf.len() >= self.full
    }

    /// The current block as it is so far, copied to buf, which is emptied: for a dump that must not wait
    /// for the block to fill. Seal it as any other.
    pub fn current(&self, mut buf: Vec<u8>) -> Block {
        buf.clear();
        buf.extend_from_slice(&self.buf);
        Block(buf)
    }

    /// Returns the block and gives up its buffer. The encoder needs `begin` before the next `append`.
    pub fn end(&mut self) -> Block {
        self.open = false;
        Block(std::mem::take(&mut self.buf))
    }

    /// Whether a block has begun and not ended.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }
}

/// Writes the fields of an event or a decision as the schema says; keys and ids are hot's.
pub(crate) fn fields<T>(b: &mut Vec<u8>, fields: &[Field<T>], now: Time, of: &T) {
    let (at, mut mask) = (b.len(), 0u16);
    b.resize(at + mask_size(fields.len()), 0);
    for (i, f) in fields.iter().enumerate() {
        let v = f.wire.encode((f.get)(of), now);
        if v == 0 {
            continue;
        }
        mask |= 1 << i;
        match f.wire {
            Wire::Bool => {}
            Wire::Hash => b.extend_from_slice(&v.to_le_bytes()),
            _ => put_uint(b, v),
        }
    }
    let size = mask_size(fields.len());
    b[at..at + size].copy_from_slice(&mask.to_le_bytes()[..size]);
}

/// Writes any decision, its kind included.
pub(crate) fn decision(b: &mut Vec<u8>, d: &Decision, now: Time) {
    let kind = if d.kind.0 < DECISION_KINDS { d.kind } else { DecisionKind::NONE };
    b.push(kind.0);
    fields(b, decision_fields(kind), now, d);
}

/// The bytes of presence bits of n fields, at most 16 of them.
pub(crate) fn mask_size(n: usize) -> usize {
    n.div_ceil(8)
}

//! A block's string table while it is written: a key seen first is spelled out, later it is a number.
//! It holds positions in the block instead of strings, so that it allocates only while it grows.

use lockstep_core::hash_string;

use crate::varint::put_uint;

pub(crate) struct KeyRefs {
    slots: Vec<KeySlot>, // open addressing; a power of two, at most half full
    spans: Vec<KeySpan>, // by number, from 0
}

#[derive(Copy, Clone, Default)]
struct KeySlot {
    hash: u32,
    number: u32, // plus 1, 0 for empty
}

/// Where a key is spelled out in the block's buffer.
#[derive(Copy, Clone)]
pub(crate) struct KeySpan {
    pub start: u32,
    pub end: u32,
}

impl KeySpan {
    pub fn of(self, b: &[u8]) -> &[u8] {
        &b[self.start as usize..self.end as usize]
    }
}

impl KeyRefs {
    pub fn new() -> Self {
        KeyRefs { slots: vec![KeySlot::default(); 2048], spans: Vec::with_capacity(1024) }
    }

    pub fn reset(&mut self) {
        self.slots.fill(KeySlot::default());
        self.spans.clear();
    }

    /// Writes key to b unless it is empty. hash is hash_string of key, or 0 when nobody has computed it yet.
    pub fn put(&mut self, b: &mut Vec<u8>, key: &[u8], hash: u64) -> bool {
        if key.is_empty() {
            return false;
        }
        let hash = if hash == 0 { hash_string(key) } else { hash };
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at].number != 0 {
            let s = self.slots[at];
            if s.hash == (hash >> 32) as u32 && self.spans[s.number as usize - 1].of(b) == key {
                put_uint(b, u64::from(s.number));
                return true;
            }
            at = (at + 1) & mask;
        }
        b.push(0);
        put_uint(b, key.len() as u64);
        let start = b.len() as u32;
        b.extend_from_slice(key);
        self.spans.push(KeySpan { start, end: b.len() as u32 });
        self.slots[at] = KeySlot { hash: (hash >> 32) as u32, number: self.spans.len() as u32 };
        if 2 * self.spans.len() > self.slots.len() {
            self.grow(b);
        }
        true
    }

    fn grow(&mut self, b: &[u8]) {
        let size = 2 * self.slots.len();
        self.slots.clear();
        self.slots.resize(size, KeySlot::default());
        for (i, w) in self.spans.iter().enumerate() {
            let hash = hash_string(w.of(b));
            let mut at = hash as usize & (size - 1);
            while self.slots[at].number != 0 {
                at = (at + 1) & (size - 1);
            }
            self.slots[at] = KeySlot { hash: (hash >> 32) as u32, number: i as u32 + 1 };
        }
    }
}

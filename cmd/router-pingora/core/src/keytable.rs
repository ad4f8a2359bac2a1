//! Maps routing keys to placements.

use crate::random::hash_string;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

/// The keys sorted, and an open addressing index over their hashes. It is built once and only
/// read, so it needs no deletion, and it costs the hash that rendezvous selection needs anyway.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyTable {
    pub(crate) name: Box<str>,
    /// Ascending.
    pub(crate) keys: Vec<Box<[u8]>>,
    /// Parallel to `keys`; below 0: the split `!n`.
    pub(crate) placements: Vec<i32>,
    /// Position in `keys` plus 1, 0 for empty; a power of two, at most half full.
    pub(crate) index: Vec<u32>,
}

impl KeyTable {
    pub(crate) fn new(name: &str, keys: Vec<Box<[u8]>>, placements: Vec<i32>) -> KeyTable {
        let mut size = 8;
        while size < 2 * keys.len() {
            size *= 2;
        }
        let mut index = vec![0_u32; size];
        for (i, key) in keys.iter().enumerate() {
            let mut at = hash_string(key) as usize & (size - 1);
            while index[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            index[at] = i as u32 + 1;
        }
        KeyTable { name: name.into(), keys, placements, index }
    }

    /// Returns the home of `key`, whose hash is given.
    pub(crate) fn find(&self, key: &[u8], hash: u64) -> Option<i32> {
        if self.index.is_empty() {
            return None;
        }
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            match self.index[at] {
                0 => return None,
                i if *self.keys[i as usize - 1] == *key => return Some(self.placements[i as usize - 1]),
                _ => at = (at + 1) & mask,
            }
        }
    }
}

#[cfg(test)]
#[path = "keytable_test.rs"]
mod tests;

//! Maglev (R10; Eisenbud et al. 2016): a table of prime size in which every endpoint has its
//! share of places, chosen in turns from its own permutation, so that few places move when an
//! endpoint comes or goes.

use crate::config::{EndpointConfig, PlacementConfig};
use crate::random::{Purpose, below, draw};
use crate::router::Router;
use crate::spec::MAX_ENDPOINTS;
use alloc::vec;
use alloc::vec::Vec;

/// The length of every table, whatever the number of endpoints: a table that grew with them
/// would move nearly every key when it does.
const MAGLEV_SIZE: u64 = 65537;

/// Bounds how many places a step asks for an admissible endpoint; past it rendezvous decides.
const MAGLEV_TRIES: u64 = 32;

/// How far one endpoint has come through its permutation.
struct Filler {
    offset: u64,
    skip: u64,
    next: u64,
    target: u64,
}

impl Filler {
    fn new(id: u64) -> Filler {
        Filler {
            offset: below(draw(0, id, 0, Purpose::MaglevTable), MAGLEV_SIZE),
            skip: below(draw(0, id, 1, Purpose::MaglevTable), MAGLEV_SIZE - 1) + 1,
            next: 0,
            target: 0,
        }
    }

    /// Returns its next place that is free.
    fn free(&mut self, taken: &[bool]) -> usize {
        loop {
            let at = ((self.offset + self.next * self.skip) % MAGLEV_SIZE) as usize;
            self.next += 1;
            if !taken[at] {
                return at;
            }
        }
    }
}

/// Fills the places. In round i an endpoint takes a place if its weight allows i places for those
/// of the largest weight (as Envoy does).
pub(crate) fn maglev_table(own: &[EndpointConfig]) -> Vec<u16> {
    if own.is_empty() || own.len() > MAX_ENDPOINTS {
        return Vec::new(); // refused already
    }
    let mut fill: Vec<Filler> = own.iter().map(|e| Filler::new(e.id)).collect();
    let largest = own.iter().map(|e| u64::from(e.weight)).max().unwrap_or(0);
    let mut table = vec![0_u16; MAGLEV_SIZE as usize];
    let mut taken = vec![false; MAGLEV_SIZE as usize];
    let (mut round, mut filled) = (1_u64, 0);
    loop {
        for (i, f) in fill.iter_mut().enumerate() {
            if round * u64::from(own[i].weight) < f.target {
                continue;
            }
            f.target += largest;
            let at = f.free(&taken);
            (table[at], taken[at]) = (i as u16, true);
            filled += 1;
            if filled == MAGLEV_SIZE {
                return table;
            }
        }
        round += 1;
    }
}

impl Router {
    /// Asks the key's place, and while an endpoint there is not admissible, the place of its next
    /// draw; returns its place among the admissible ones.
    pub(crate) fn pick_maglev(&mut self, p: &PlacementConfig, key: u64) -> usize {
        self.mark_all();
        for attempt in 0..MAGLEV_TRIES {
            let at = below(draw(0, key, attempt, Purpose::MaglevLookup), MAGLEV_SIZE) as usize;
            if let Some(place) = self.marked(p, i32::from(p.choice.table[at])) {
                return place;
            }
        }
        self.pick_rendezvous(p, key)
    }
}

#[cfg(test)]
#[path = "maglev_test.rs"]
mod tests;

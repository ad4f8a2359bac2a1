//! Ketama (R10): nginx's `hash $key consistent` and Pingora's ring. 160 points for each 100 % of
//! weight, each the CRC-32 of host, a zero byte, port and the point before it; a key belongs to
//! the first point at or after its CRC-32.

use crate::compile::Compiler;
use crate::config::{Config, PlacementConfig};
use crate::journey::Ask;
use crate::maglev::maglev_table;
use crate::router::Router;
use crate::spec::{MAX_MAGLEV, MAX_RING_POINTS, Policy};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

/// One point; `at` is the endpoint's place in its placement.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct RingPoint {
    pub(crate) hash: u32,
    pub(crate) at: i32,
}

/// Bounds how far a step looks for an admissible point; past it rendezvous decides.
const MAX_RING_WALK: usize = 4096;

/// The table of CRC-32 (IEEE 802.3), reflected.
fn crc_table() -> Box<[u32; 256]> {
    let mut table = Box::new([0; 256]);
    for (i, entry) in table.iter_mut().enumerate() {
        let mut v = i as u32;
        for _ in 0..8 {
            v = (v >> 1) ^ (0xedb8_8320 & (v & 1).wrapping_neg());
        }
        *entry = v;
    }
    table
}

/// Continues a CRC that is kept inverted, as nginx does.
fn crc_update(t: &[u32; 256], mut c: u32, s: &[u8]) -> u32 {
    for &b in s {
        c = t[usize::from(c as u8 ^ b)] ^ (c >> 8);
    }
    c
}

impl Config {
    /// The CRC-32 of a key, 0 where no placement has a ring.
    pub(crate) fn crc32(&self, key: &[u8]) -> u32 {
        self.crc.as_ref().map_or(0, |t| !crc_update(t, u32::MAX, key))
    }
}

impl Compiler<'_> {
    /// Builds what a policy reads in a step.
    pub(crate) fn tables(&mut self, path: &str, out: &mut PlacementConfig) {
        match out.selection {
            Policy::KETAMA => self.ring(path, out),
            Policy::MAGLEV => {
                self.maglevs += 1;
                if self.maglevs > MAX_MAGLEV {
                    let what = "is one maglev table too many: there may be 1024";
                    self.fail(format!("{path}.select"), what, "use rendezvous, which needs none");
                    return;
                }
                out.choice.table = maglev_table(&self.config.endpoints[out.first as usize..out.end as usize]);
            }
            _ => {}
        }
    }

    fn ring(&mut self, path: &str, out: &mut PlacementConfig) {
        let crc = self.config.crc.get_or_insert_with(crc_table);
        let own = &self.config.endpoints[out.first as usize..out.end as usize];
        self.points += own.iter().map(|e| points_of(e.weight) as usize).sum::<usize>();
        if self.points > MAX_RING_POINTS {
            let what = "the weights make more than 4194304 ketama points in all";
            self.fail(format!("{path}.endpoints"), what, "weights are relative: use smaller ones");
            return;
        }
        let mut ring: Vec<RingPoint> = Vec::new();
        for (i, e) in own.iter().enumerate() {
            let (host, port) = authority(&e.url);
            let mut base = crc_update(crc, u32::MAX, host.as_bytes());
            base = crc_update(crc, base, b"\0");
            base = crc_update(crc, base, port.as_bytes());
            let mut last = 0_u32;
            for _ in 0..points_of(e.weight) {
                last = !crc_update(crc, base, &last.to_le_bytes());
                ring.push(RingPoint { hash: last, at: i as i32 });
            }
        }
        ring.sort_by_key(|p| p.hash);
        ring.dedup_by_key(|p| p.hash);
        out.choice.ring = ring;
    }
}

/// 160 for each 100 % of weight, at least 1.
fn points_of(weight: u32) -> u32 {
    (weight.wrapping_mul(160) / 100).max(1)
}

/// Splits the host and port that stand in a URL, as they are written; the port is "" when none is.
fn authority(url: &str) -> (&str, &str) {
    let mut rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest = rest.split(['/', '?', '#']).next().unwrap_or("");
    rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    match rest.rfind(':') {
        Some(i) if rest.rfind(']').is_none_or(|bracket| i > bracket) => (&rest[..i], &rest[i + 1..]),
        _ => (rest, ""),
    }
}

impl Router {
    /// Walks the ring from the key's point to the first of an admissible endpoint; returns its
    /// place among the admissible ones.
    pub(crate) fn pick_ketama(&mut self, p: &PlacementConfig, ask: &Ask) -> usize {
        let ring = &p.choice.ring;
        self.mark_all();
        let mut at = ring.partition_point(|point| point.hash < ask.ev.route.ring);
        for _ in 0..ring.len().min(MAX_RING_WALK) {
            if at == ring.len() {
                at = 0;
            }
            if let Some(place) = self.marked(p, ring[at].at) {
                return place;
            }
            at += 1;
        }
        self.pick_rendezvous(p, ask.ev.route.key)
    }

    /// Notes which endpoints are admissible and where on the list, for `marked`.
    pub(crate) fn mark_all(&mut self) {
        self.stamp = self.stamp.wrapping_add(1);
        if self.stamp == 0 {
            // Come round: no old mark may look new.
            for x in &mut self.extras {
                x.stamp = 0;
            }
            self.stamp = 1;
        }
        for (i, &n) in self.admissible.iter().enumerate() {
            if let Some(x) = self.extras.get_mut(n as usize) {
                (x.stamp, x.at) = (self.stamp, i as i32);
            }
        }
    }

    /// Returns the place on the list of the endpoint at a place of the placement.
    pub(crate) fn marked(&self, p: &PlacementConfig, at: i32) -> Option<usize> {
        let x = &self.extras[self.numbers.endpoint[(p.first + at) as usize] as usize];
        (x.stamp == self.stamp).then_some(x.at as usize)
    }
}

#[cfg(test)]
#[path = "ketama_test.rs"]
mod tests;

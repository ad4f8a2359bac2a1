//! Selection inside a placement (R10): given the admissible endpoints, in the order of the
//! configuration, pick one. Picking changes nothing; commit does.

use crate::arrive::Verdict;
use crate::config::PlacementConfig;
use crate::journey::Ask;
use crate::random::{Purpose, below, draw};
use crate::router::Router;
use crate::spec::Policy;
use crate::time::Time;

impl Router {
    /// Selects one of self.admissible in the placement of v.
    #[inline]
    pub(crate) fn choose(&mut self, now: Time, p: &PlacementConfig, ask: &Ask, v: &mut Verdict) {
        if p.narrows && self.narrow(now, p, ask, v) {
            return;
        }
        if p.selection == Policy::ROUND_ROBIN {
            (v.endpoint, v.rotates) = (self.admissible[self.pick_rotation()], self.admissible.len());
        } else {
            let at = self.pick(now, p, ask);
            v.endpoint = self.admissible[at];
        }
    }

    /// Returns the position in admissible of the endpoint to use.
    fn pick(&mut self, now: Time, p: &PlacementConfig, ask: &Ask) -> usize {
        if self.admissible.len() == 1 {
            return 0;
        }
        match p.selection {
            Policy::LEAST_REQUEST => self.pick_least(ask),
            Policy::RENDEZVOUS => self.pick_rendezvous(p, ask.ev.route.key),
            Policy::FIRST => 0,
            Policy::KETAMA => self.pick_ketama(p, ask),
            Policy::MAGLEV => self.pick_maglev(p, ask.ev.route.key),
            Policy::EWMA => self.pick_fastest(now, p, ask),
            _ => 0, // round_robin is choose's own: pick_rotation
        }
    }

    /// Smooth weighted round robin (nginx's): the one whose credit, its share of this round included,
    /// is largest; ties to the earlier.
    #[inline]
    fn pick_rotation(&self) -> usize {
        let (mut best, mut credit) = (0, i64::MIN);
        for (i, &n) in self.admissible.iter().enumerate() {
            let e = &self.endpoints[n as usize];
            let c = e.rotation.wrapping_add(i64::from(e.weight));
            if c > credit {
                (best, credit) = (i, c);
            }
        }
        best
    }

    /// Commits a pick of pick_rotation among the first so many of admissible.
    pub(crate) fn rotate(&mut self, rotates: usize, chosen: i32) {
        let mut total = 0;
        for i in 0..rotates {
            let n = self.admissible[i];
            let e = &mut self.endpoints[n as usize];
            e.rotation = e.rotation.wrapping_add(i64::from(e.weight));
            total += i64::from(e.weight);
            self.touch_endpoint(n);
        }
        let e = &mut self.endpoints[chosen as usize];
        e.rotation = e.rotation.wrapping_sub(total);
    }

    /// The power of two choices (Mitzenmacher 2001): of two distinct hashed picks the one with fewer
    /// requests for its weight; ties to the earlier.
    fn pick_least(&self, ask: &Ask) -> usize {
        let (a, b) = self.two_of(self.admissible.len(), ask);
        let x = &self.endpoints[self.admissible[a] as usize];
        let y = &self.endpoints[self.admissible[b] as usize];
        let load = |in_flight: i32, weight: u32| (i64::from(in_flight) + 1) * i64::from(weight);
        if load(y.in_flight, x.weight) < load(x.in_flight, y.weight) { b } else { a }
    }

    /// Draws two distinct places below n, the smaller first.
    pub(crate) fn two_of(&self, n: usize, ask: &Ask) -> (usize, usize) {
        let attempt = if ask.again { u64::from(self.journey_at(ask.slot).attempts) } else { 0 };
        let a = below(draw(self.seed, ask.ev.request, attempt, Purpose::Choice), n as u64) as usize;
        let mut b = below(draw(self.seed, ask.ev.request, attempt, Purpose::SecondChoice), n as u64 - 1) as usize;
        if b >= a {
            b += 1;
        }
        (a.min(b), a.max(b))
    }

    /// Highest random weight (Thaler, Ravishankar 1998). It takes no seed: every router of a fleet
    /// sends a key to the same endpoint.
    pub(crate) fn pick_rendezvous(&self, p: &PlacementConfig, key: u64) -> usize {
        let (mut best, mut best_hash, mut best_log, mut best_weight) = (0, 0, 0, 0);
        for (i, &n) in self.admissible.iter().enumerate() {
            let e = &self.endpoints[n as usize];
            let h = draw(0, key, e.id, Purpose::Rendezvous);
            if !p.weighted {
                if i == 0 || h > best_hash {
                    (best, best_hash) = (i, h);
                }
                continue;
            }
            // Weighted: the smallest -log2(u)/weight wins, compared crosswise.
            let l = neg_log2(h);
            if i == 0 || l * best_weight < best_log * u64::from(e.weight) {
                (best, best_log, best_weight) = (i, l, u64::from(e.weight));
            }
        }
        best
    }
}

/// Returns -log2((h+1)/2^64) in units of 2^-24, rounded up, by repeated squaring: integers only, so
/// that every architecture agrees. At most 64x2^24.
pub(crate) fn neg_log2(h: u64) -> u64 {
    let zeros = (h | 1).leading_zeros();
    let mut x = (h | 1) << zeros; // 1.x in 1.63 fixed point
    let mut frac = 0;
    for _ in 0..24 {
        let square = u128::from(x) * u128::from(x); // 2.126
        let (hi, lo) = ((square >> 64) as u64, square as u64);
        frac <<= 1;
        if hi >> 63 == 1 {
            frac |= 1;
            x = hi;
        } else {
            x = hi << 1 | lo >> 63;
        }
    }
    ((u64::from(zeros) + 1) << 24) - frac
}

#[cfg(test)]
#[path = "selection_test.rs"]
mod tests;

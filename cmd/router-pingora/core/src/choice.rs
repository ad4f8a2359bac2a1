//! Choosing among admissible endpoints beyond a plain policy (R10): the client's own endpoint,
//! slow start, bounded load, shards. Each narrows the list; then the policy picks. What Compile
//! makes of these settings is in compile_choice.rs.

use crate::arrive::{Block, Survey, Verdict};
use crate::class::Effect;
use crate::config::{Config, PlacementConfig};
use crate::journey::Ask;
use crate::ketama::RingPoint;
use crate::panic::PanicMode;
use crate::random::{Purpose, below, draw};
use crate::router::Router;
use crate::spec::{MAX_SHARDS, Policy, StickySpec};
use crate::time::{Duration, Time, sub};
use alloc::vec::Vec;

/// What a placement has set of it, and the tables that its policy reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    pub(crate) sticky: StickySpec,
    pub(crate) slow_start: Duration,
    pub(crate) decay: Duration,
    /// Percent.
    pub(crate) bound: u32,
    pub(crate) shards: u32,
    pub(crate) ring: Vec<RingPoint>,
    /// maglev: place of an endpoint in the placement.
    pub(crate) table: Vec<u16>,
}

/// The longest latency that ewma tells apart, 18 minutes.
pub(crate) const MAX_COST: i64 = 1 << 40;

impl Router {
    /// Shortens self.admissible, never to nothing. It reports true when the client's own endpoint is
    /// there: then that one serves, and no policy is asked.
    pub(crate) fn narrow(&mut self, now: Time, p: &PlacementConfig, ask: &Ask, v: &mut Verdict) -> bool {
        if !p.choice.sticky.cookie.is_empty() {
            for &n in &self.admissible {
                if ask.ev.prefer != 0 && self.endpoints[n as usize].id == ask.ev.prefer {
                    v.endpoint = n;
                    return true;
                }
            }
            v.pin = true;
        }
        if p.choice.slow_start != 0 {
            self.thin(now, p, ask);
        }
        if p.choice.bound != 0 {
            self.bounded(p, v.placement);
        }
        false
    }

    /// Takes endpoints in their slow start out of the list for all but a growing share of requests,
    /// by key where the policy hashes keys; if that leaves none, all stay.
    fn thin(&mut self, now: Time, p: &PlacementConfig, ask: &Ask) {
        let (mut who, mut seed) = (ask.ev.request, self.seed);
        if p.selection.hashing() {
            (who, seed) = (ask.ev.route.key, 0);
        }
        let mut kept = 0;
        for i in 0..self.admissible.len() {
            let n = self.admissible[i] as usize;
            let share = ramp_share(now, self.extras[n].warm, p.choice.slow_start);
            if share < 1000 && below(draw(seed, who, self.endpoints[n].id, Purpose::SlowStart), 1000) >= share {
                continue;
            }
            self.admissible.swap(kept, i);
            kept += 1;
        }
        if kept > 0 {
            self.admissible.truncate(kept);
        }
    }
}

/// The share in thousandths that an endpoint takes of its full share: a tenth at first, then in
/// proportion to the time since.
pub(crate) fn ramp_share(now: Time, warm: Time, slow_start: Duration) -> u64 {
    let since = sub(now, warm.wrapping_sub(1));
    if warm == 0 || since >= slow_start {
        return 1000;
    }
    ((since as u64).wrapping_mul(1000) / slow_start as u64).max(100)
}

impl Router {
    /// Begins the slow start of endpoint n, if its placement has one and this is an occasion.
    pub(crate) fn warm(&mut self, c: &Config, now: Time, n: i32, occasion: bool) {
        let e = &self.endpoints[n as usize];
        if occasion && e.config >= 0 && self.placement_of(c, e).choice.slow_start != 0 {
            self.extras[n as usize].warm = now + 1;
        }
    }

    /// Keeps the endpoints that one request more does not take over bound percent of their share, by
    /// weight, of what is in flight in the placement. The bounds add up to more than that, so one is
    /// always left.
    fn bounded(&mut self, p: &PlacementConfig, placement: i32) {
        let weights: u64 = self.admissible.iter().map(|&n| u64::from(self.endpoints[n as usize].weight)).sum();
        let load = (self.placements[placement as usize].in_flight as u64 + 1) * u64::from(p.choice.bound);
        let mut kept = 0;
        for i in 0..self.admissible.len() {
            let e = &self.endpoints[self.admissible[i] as usize];
            let limit = (load * u64::from(e.weight)).div_ceil(100 * weights);
            if (e.in_flight as u64) < limit {
                self.admissible.swap(kept, i);
                kept += 1;
            }
        }
        if kept > 0 {
            self.admissible.truncate(kept);
        }
    }

    /// As survey, over the endpoints of the key's shard alone: those of the placement with the largest
    /// hashes of key and identity, in configuration order. Whatever becomes of them, a key never leaves
    /// its shard.
    pub(crate) fn survey_shard(&mut self, c: &Config, p: &PlacementConfig, number: i32, now: Time, key: u64) -> Survey {
        let hash = |i: i32| draw(0, key, c.endpoints[i as usize].id, Purpose::Shard);
        let mut best = [0; MAX_SHARDS]; // the largest hashes, largest first
        let k = (p.choice.shards as usize).clamp(1, MAX_SHARDS);
        for i in p.first..p.end {
            let h = hash(i);
            let mut at = k;
            while at > 0 && h > best[at - 1] {
                at -= 1;
            }
            if at < k {
                best.copy_within(at..k - 1, at + 1);
                best[at] = h;
            }
        }
        let mut s = Survey::new();
        let blind = self.placements[number as usize].panic && p.panic_do == PanicMode::ALL;
        self.admissible.clear();
        let mut left = k;
        for i in p.first..p.end {
            if left == 0 {
                break;
            }
            if hash(i) >= best[k - 1] {
                self.look(&mut s, self.numbers.endpoint[i as usize], p, now, blind);
                left -= 1;
            }
        }
        s.admissible = self.admissible.len();
        s
    }

    /// Enters endpoint n into a survey; survey does the same in place, for speed.
    pub(crate) fn look(&mut self, s: &mut Survey, n: i32, p: &PlacementConfig, now: Time, blind: bool) {
        let e = &self.endpoints[n as usize];
        match e.block(p, now, blind) {
            Block::None => self.admissible.push(n),
            Block::Breaker => {
                if s.breaker < 0 {
                    s.breaker = n;
                }
            }
            Block::Health => {
                if s.health < 0 && e.in_flight < e.limit {
                    s.health = n;
                }
            }
            Block::Cap => s.capped = true,
            Block::Retiring => {}
        }
    }
}

impl Router {
    /// Books how long an attempt took. A failure never makes an endpoint look faster than it was:
    /// refusing at once is no virtue.
    pub(crate) fn measure(&mut self, c: &Config, now: Time, n: i32, took: Duration, effect: Effect) {
        let p = self.placement_of(c, &self.endpoints[n as usize]);
        if p.selection != Policy::EWMA {
            return;
        }
        let x = &mut self.extras[n as usize];
        let mut sample = took.clamp(1, MAX_COST);
        if effect == Effect::Failure {
            if x.cost == 0 {
                return;
            }
            sample = sample.max(x.cost);
        }
        if sample < x.cost {
            // slower counts at once, faster by and by
            let since = sub(now, x.cost_at);
            sample += halved(x.cost, since, p.choice.decay) - halved(sample, since, p.choice.decay);
        }
        (x.cost, x.cost_at) = (sample, now);
        self.touch_endpoint(n);
    }
}

/// What v is after a time: half of it after each half-life, in a straight line between. v is at most
/// MAX_COST.
pub(crate) fn halved(v: i64, since: Duration, half: Duration) -> i64 {
    let half = half.max(1); // at least 1 ms in a configuration that compiled
    let times = since / half;
    if times >= 63 {
        return 0;
    }
    let v = v >> times.max(0);
    let off = v as u128 * (since % half).max(0) as u128 / (2 * half as u128);
    v - off as i64
}

impl Router {
    /// Peak EWMA (Finagle's) over two distinct hashed picks: the one whose latency times
    /// one more than it has in flight is smaller for its weight; ties to the earlier. Where either has no latency left, those in
    /// flight decide alone.
    pub(crate) fn pick_fastest(&self, now: Time, p: &PlacementConfig, ask: &Ask) -> usize {
        let (a, b) = self.two_of(self.admissible.len(), ask);
        let (m, n) = (self.admissible[a] as usize, self.admissible[b] as usize);
        let (x, y) = (&self.endpoints[m], &self.endpoints[n]);
        let (i, j) = (&self.extras[m], &self.extras[n]);
        let mut ci = halved(i.cost, sub(now, i.cost_at), p.choice.decay);
        let mut cj = halved(j.cost, sub(now, j.cost_at), p.choice.decay);
        if ci == 0 || cj == 0 {
            (ci, cj) = (1, 1);
        }
        let first = (ci as u64).wrapping_mul(x.in_flight as u64 + 1) as u128 * u128::from(y.weight);
        let second = (cj as u64).wrapping_mul(y.in_flight as u64 + 1) as u128 * u128::from(x.weight);
        if second < first { b } else { a }
    }
}

#[cfg(test)]
#[path = "choice_test.rs"]
mod tests;

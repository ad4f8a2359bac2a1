//! Views: what metrics, headers and pages may see of the state. Nothing here changes it.

use crate::arrive::Block;
use crate::choice::{halved, ramp_share};
use crate::config::{Config, Route};
use crate::deadlines::TimerKind;
use crate::decision::Circuit;
use crate::event::Handle;
use crate::inflight::SlotState;
use crate::panic::PanicMode;
use crate::random::{Purpose, draw};
use crate::ration::tenant_of;
use crate::router::{Endpoint, Placement, Router};
use crate::spec::Policy;
use crate::time::{Duration, NEVER, Time, sub};
use crate::window::WINDOW_BUCKETS;

/// The state of one placement.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct PlacementView<'a> {
    /// "" for a free number.
    pub name: &'a str,
    /// In the current `Config`, -1 once removed.
    pub index: i32,
    /// Attempts in flight.
    pub in_flight: i32,
    /// Of those, the ones that came by failover.
    pub guests: i32,
    /// Requests that wait in its queue (R5).
    pub queued: i32,
    /// R9.
    pub panic: bool,
    /// In force, 0 for none (R5).
    pub limit: i32,
}

/// The state of one endpoint.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct EndpointView<'a> {
    /// "" for a free number.
    pub name: &'a str,
    /// "" for a free number.
    pub url: &'a str,
    /// In the current `Config`, -1 while retiring.
    pub index: i32,
    /// Number of its placement.
    pub placement: i32,
    /// Attempts in flight.
    pub in_flight: i32,
    /// State of its breaker.
    pub breaker: Circuit,
    /// In a row, while closed.
    pub failures: u32,
    /// Good probes so far, while half_open.
    pub successes: u32,
    /// Relapses since it last closed.
    pub reopened: u32,
    /// open: ready for a probe from here on.
    pub until: Time,
    /// Half-open probes out.
    pub probes: u8,
    /// By active health.
    pub unhealthy: bool,
    /// Active probes in a row against the present health.
    pub streak: u32,
    /// An active probe is out.
    pub probing: bool,
    /// When the next is due, `NEVER` for none.
    pub next_probe: Time,
}

/// One attempt in flight.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Names it.
    pub handle: Handle,
    /// Of its Arrive.
    pub request: u64,
    /// Number of its endpoint.
    pub endpoint: i32,
    /// Came by failover.
    pub guest: bool,
    /// Half-open probe.
    pub probe: bool,
    /// Its outcome is booked.
    pub replied: bool,
    /// Its ticket is of the breaker's present generation.
    pub current: bool,
}

/// What core keeps of one endpoint beyond breaker and health.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct ChoiceView {
    /// Outcomes in the breaker's window as of now.
    pub requests: u64,
    /// Of those, failures.
    pub failures: u64,
    /// Of those, slow calls.
    pub slow: u64,
    /// Thousandths of its full share that its slow start allows, 1000 without one.
    pub share: u32,
    /// Of ewma, decayed to now; 0 for none.
    pub latency: Duration,
}

/// A name as text; "" for one that is no UTF-8, which only a snapshot from elsewhere can hold.
fn text(name: &[u8]) -> &str {
    core::str::from_utf8(name).unwrap_or_default()
}

impl Router {
    /// Returns the number of placement numbers in use or free; they run from 0.
    pub fn placements(&self) -> usize {
        self.placements.len()
    }

    /// Returns the state of placement number `n`; a number outside the range gives the view of a
    /// free one.
    pub fn placement(&self, n: i32) -> PlacementView<'_> {
        let none = PlacementView { name: "", index: -1, in_flight: 0, guests: 0, queued: 0, panic: false, limit: 0 };
        self.placement_state(n).map_or(none, |p| PlacementView {
            name: text(&p.name),
            index: p.config,
            in_flight: p.in_flight,
            guests: p.guests,
            queued: p.queue.count,
            panic: p.panic,
            limit: self.limit_of(p),
        })
    }

    pub(crate) fn placement_state(&self, n: i32) -> Option<&Placement> {
        usize::try_from(n).ok().and_then(|n| self.placements.get(n))
    }

    fn endpoint_state(&self, n: i32) -> Option<&Endpoint> {
        usize::try_from(n).ok().and_then(|n| self.endpoints.get(n))
    }

    /// Returns the limit in force of a placement, 0 for none.
    fn limit_of(&self, p: &Placement) -> i32 {
        match (&self.config, usize::try_from(p.config)) {
            (Some(c), Ok(i)) => p.bounds(&c.placements[i].limit).0,
            _ => 0,
        }
    }

    /// Returns how many attempts count in placement number `n` for the tenant of a route, at home
    /// or as a guest, 0 where tenants are not told apart (R5).
    pub fn tenant_in_flight(&self, n: i32, route: &Route, guest: bool) -> i32 {
        match (&self.config, self.placement_state(n)) {
            (Some(c), Some(p)) if p.config >= 0 && !p.tenants.is_empty() => {
                p.tenants.held(tenant_of(&c.placements[p.config as usize].limit, route, guest))
            }
            _ => 0,
        }
    }

    /// Returns the number of endpoint numbers in use or free; they run from 0.
    pub fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    /// Returns the state of endpoint number `n`; none for a number outside the range.
    pub fn endpoint(&self, n: i32) -> Option<EndpointView<'_>> {
        self.endpoint_state(n).map(|e| EndpointView {
            name: text(&e.name),
            url: text(&e.url),
            index: e.config,
            placement: e.placement,
            in_flight: e.in_flight,
            breaker: e.breaker.state,
            failures: e.breaker.failures,
            successes: e.breaker.successes,
            reopened: e.breaker.reopened,
            until: e.breaker.until,
            probes: e.breaker.probes,
            unhealthy: e.health.unhealthy,
            streak: e.health.streak,
            probing: e.health.token != 0,
            next_probe: if e.id == 0 { NEVER } else { self.timers.get(TimerKind::Health, n) },
        })
    }

    /// Returns the number of the endpoint at index `i` of the current `Config`, -1 for none.
    pub fn endpoint_number(&self, i: usize) -> i32 {
        self.numbers.endpoint.get(i).copied().unwrap_or(-1)
    }

    /// Returns the number of the placement at index `i` of the current `Config`, -1 for none.
    pub fn placement_number(&self, i: usize) -> i32 {
        self.numbers.placement.get(i).copied().unwrap_or(-1)
    }

    /// Returns what keeps endpoint `n` from taking a request at `now` (R2).
    pub fn blocked(&self, now: Time, n: i32) -> Block {
        match (&self.config, self.endpoint_state(n)) {
            (Some(c), Some(e)) if e.config >= 0 => {
                let home = &self.placements[e.placement as usize];
                let p = &c.placements[home.config as usize];
                e.block(p, now, home.panic && p.panic_do == PanicMode::ALL)
            }
            _ => Block::Retiring,
        }
    }

    /// Returns the attempt that `h` names; none when it has ended, and for a request that waits.
    pub fn attempt(&self, h: Handle) -> Option<Attempt> {
        let s = self.slots.find(h).filter(|s| s.state != SlotState::Waiting)?;
        Some(Attempt {
            handle: h,
            request: s.request,
            endpoint: s.endpoint,
            guest: s.guest,
            probe: s.probe,
            replied: s.replied,
            current: s.generation == self.endpoints[s.endpoint as usize].breaker.r#gen,
        })
    }

    /// Returns what makes endpoint `n` the same endpoint across epochs: the hash of placement and
    /// URL that `Event::prefer` names it by; 0 for a free number.
    pub fn identity(&self, n: i32) -> u64 {
        self.endpoint_state(n).map_or(0, |e| e.id)
    }

    /// Returns what core keeps of endpoint `n` at `now`; a number that is not in the configuration
    /// gives the zero view.
    pub fn choice(&self, now: Time, n: i32) -> ChoiceView {
        let (Some(c), Some(e)) = (&self.config, self.endpoint_state(n).filter(|e| e.config >= 0)) else {
            return ChoiceView::default();
        };
        let mut v = ChoiceView { share: 1000, ..ChoiceView::default() };
        let Some(x) = self.extras.get(n as usize) else { return v };
        let p = self.placement_of(c, e);
        if p.breaker.window != 0 {
            let mut w = x.window;
            w.roll(now, p.breaker.window / WINDOW_BUCKETS as i64);
            [v.requests, v.failures, v.slow] = w.total;
        }
        if p.choice.slow_start != 0 {
            v.share = ramp_share(now, x.warm, p.choice.slow_start) as u32;
        }
        if x.cost > 0 && p.selection == Policy::EWMA {
            v.latency = halved(x.cost, sub(now, x.cost_at), p.choice.decay);
        }
        v
    }
}

impl Config {
    /// Returns what makes the endpoint at index `i` the same endpoint across epochs.
    pub fn endpoint_id(&self, i: usize) -> u64 {
        self.endpoints[i].id
    }

    /// Reports whether the key with that hash may use the endpoint at index `e`, which belongs to
    /// the placement at index `p` (R10).
    pub fn in_shard(&self, p: usize, key: u64, e: usize) -> bool {
        let row = &self.placements[p];
        if row.choice.shards == 0 {
            return true;
        }
        let rank = |id| draw(0, key, id, Purpose::Shard);
        let mine = rank(self.endpoints[e].id);
        let own = &self.endpoints[row.first as usize..row.end as usize];
        own.iter().filter(|o| rank(o.id) > mine).count() < row.choice.shards as usize
    }
}

//! Admission (R1-R5): evaluate first, commit last. Evaluation reads the state and fills a
//! verdict; only a verdict to forward changes anything (R2).

use crate::breaker::BreakerInput;
use crate::class::Class;
use crate::config::{Config, PlacementConfig};
use crate::deadlines::TimerKind;
use crate::decision::{Cause, Circuit, Decision, DecisionKind, Failover};
use crate::event::{Event, Handle};
use crate::journey::Ask;
use crate::panic::PanicMode;
use crate::router::{Endpoint, Placement, Router, note};
use crate::spec::LastResort;
use crate::time::{SECOND, Time, add};
use alloc::vec::Vec;

/// What keeps an endpoint from taking a request, the first that applies (R2), in the order in
/// which R2 asks.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// Nothing.
    None,
    /// It has left the configuration.
    Retiring,
    /// Its breaker.
    Breaker,
    /// Its health.
    Health,
    /// Its own limit of requests in flight is reached.
    Cap,
}

/// Verdict is the outcome of an evaluation.
#[derive(Copy, Clone, Default)]
pub(crate) struct Verdict {
    /// Class::NONE: forward.
    pub class: Class,
    /// That refuses, 0 for the class's own.
    pub rule: u8,
    pub failover: Failover,
    pub circuit: Circuit,
    /// Number; the one to use, or whose breaker refuses; -1 for none.
    pub endpoint: i32,
    /// Number; the one that serves or refuses.
    pub placement: i32,
    /// Position in the home placement's list.
    pub candidate: usize,
    /// admissible[..rotates] take a rotation step.
    pub rotates: usize,
    /// In placement's queue (R5).
    pub wait: bool,
    /// No candidate decided.
    pub exhausted: bool,
    /// The client's cookie is to name the endpoint (R10).
    pub pin: bool,
}

impl Router {
    pub(crate) fn arrive(&mut self, c: Option<&Config>, now: Time, ev: &Event, out: &mut Vec<Decision>) {
        if ev.handle != Handle::default() {
            return self.come_again(c, now, ev, out);
        }
        let mut ask = Ask::new(ev);
        let (class, home) = self.precheck(c, &ask);
        let c = match c {
            Some(c) if class == Class::NONE => c,
            _ => {
                let d = refusal(c, class, home, ev, now);
                if class == Class::INTERNAL {
                    self.ignore(now, 12, Cause::BAD_ROUTE, out);
                }
                return out.push(d);
            }
        };
        let mut v = Verdict::default();
        self.evaluate(c, now, &mut ask, &mut v);
        if v.wait {
            self.arrive_queued(c, now, ev, v.placement, out);
        } else if v.class != Class::NONE {
            out.push(v.reject(now, ev));
        } else {
            self.commit(c, now, &ask, &v, out);
        }
    }
}

/// The answer to what precheck refuses; home is -1 for none.
pub(crate) fn refusal(c: Option<&Config>, class: Class, home: i32, ev: &Event, now: Time) -> Decision {
    let mut d = note(DecisionKind::REJECT, rule_of(class), now);
    (d.class, d.status, d.placement, d.reason) = (class, class.row().status, home, ev.route.reason);
    match c {
        Some(c) if class == Class::UNKNOWN_KEY => d.status = c.routes[usize::from(ev.via)].status,
        Some(c) if class == Class::NO_ROUTE => d.status = c.no_route_status,
        _ => {}
    }
    d
}

impl Verdict {
    /// The answer of a verdict that refuses.
    pub fn reject(&self, now: Time, ev: &Event) -> Decision {
        let mut d = note(DecisionKind::REJECT, rule_of(self.class), now);
        if self.rule != 0 {
            d.rule = self.rule;
        }
        (d.class, d.status) = (self.class, self.class.row().status);
        (d.reason, d.failover, d.circuit) = (ev.route.reason, self.failover, self.circuit);
        (d.placement, d.endpoint) = (self.placement, self.endpoint);
        d
    }
}

impl Router {
    /// Refuses what needs no look at any endpoint (R3). The number is that of the key's own
    /// placement where there is one, else -1.
    pub(crate) fn precheck(&self, c: Option<&Config>, ask: &Ask) -> (Class, i32) {
        let ev = ask.ev;
        let refuse = ev.route.refuse;
        if refuse == Class::NO_KEY || refuse.by_bytes() {
            return (refuse, -1);
        }
        if self.draining && !ask.again {
            return (Class::DRAINING, -1); // one that waits came before the drain
        }
        let Some(c) = c else {
            return (Class::NOT_READY, -1);
        };
        if ev.epoch != self.epoch {
            return (Class::INTERNAL, -1);
        }
        if refuse == Class::UNKNOWN_KEY && usize::from(ev.via) < c.routes.len() {
            return (Class::UNKNOWN_KEY, -1);
        }
        if refuse.by_edge() {
            return (refuse, -1);
        }
        let placement = ev.route.placement;
        if placement < 0 || placement as usize >= c.placements.len() {
            return (Class::INTERNAL, -1);
        }
        let home = self.numbers.placement[placement as usize];
        let limit = c.placements[placement as usize].body_max;
        if limit > 0 && ev.length > limit {
            return (Class::BODY_TOO_LARGE, home);
        }
        (Class::NONE, home)
    }
}

pub(crate) fn rule_of(c: Class) -> u8 {
    match c {
        Class::NO_KEY | Class::UNKNOWN_KEY | Class::NO_ROUTE => 1,
        Class::LIMIT_REACHED | Class::QUEUE_TIMEOUT | Class::SHED | Class::FAIR_SHARE => 5,
        Class::CIRCUIT_OPEN | Class::NO_ENDPOINT => 3,
        Class::NOT_READY => 13,
        Class::DRAINING => 14,
        _ => 16,
    }
}

/// Survey is what one look at a placement's endpoints found. The admissible ones are in
/// Router::admissible[..admissible].
#[derive(Copy, Clone)]
pub(crate) struct Survey {
    pub admissible: usize,
    /// First endpoint that its breaker blocks, -1 for none.
    pub breaker: i32,
    /// First endpoint that only health blocks, -1 for none.
    pub health: i32,
    /// Some are blocked by their cap.
    pub capped: bool,
}

impl Survey {
    pub fn new() -> Survey {
        Survey { admissible: 0, breaker: -1, health: -1, capped: false }
    }
}

impl Router {
    #[inline]
    pub(crate) fn survey(&mut self, p: &PlacementConfig, number: i32, now: Time) -> Survey {
        let mut s = Survey::new();
        let panic = self.placements[number as usize].panic;
        self.admissible.clear();
        if p.capped || panic {
            let blind = panic && p.panic_do == PanicMode::ALL;
            for i in p.first..p.end {
                self.look(&mut s, self.numbers.endpoint[i as usize], p, now, blind);
            }
            s.admissible = self.admissible.len();
            return s;
        }
        for &n in &self.numbers.endpoint[p.first as usize..p.end as usize] {
            let e = &self.endpoints[n as usize];
            if e.breaker.state != Circuit::CLOSED && !e.breaker.admits(now, &p.breaker) {
                if s.breaker < 0 {
                    s.breaker = n;
                }
            } else if e.health.unhealthy {
                if s.health < 0 {
                    s.health = n;
                }
            } else {
                self.admissible.push(n);
            }
        }
        s.admissible = self.admissible.len();
        s
    }
}

impl Endpoint {
    /// Asks R2 of one endpoint in the configuration; blind ignores health (R9).
    pub(crate) fn block(&self, p: &PlacementConfig, now: Time, blind: bool) -> Block {
        if self.breaker.state != Circuit::CLOSED && !self.breaker.admits(now, &p.breaker) {
            Block::Breaker
        } else if self.health.unhealthy && !blind {
            Block::Health
        } else if self.in_flight >= self.limit {
            Block::Cap
        } else {
            Block::None
        }
    }
}

/// Room says whether a placement takes one more (R5).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Room {
    Yes,
    GuestsFull,
    Full,
    /// Its priority has no share of what is left.
    Shed,
    /// Its tenant holds its share.
    Unfair,
}

impl Placement {
    /// Asks R5 of one request; it changes nothing and may be asked again.
    #[inline]
    pub(crate) fn room(&self, p: &PlacementConfig, ev: &Event, guest: bool) -> Room {
        if p.shares { self.shared_room(p, ev, guest) } else { self.plain_room(p, guest) }
    }

    /// Room where the limit is no more than numbers.
    #[inline]
    pub(crate) fn plain_room(&self, p: &PlacementConfig, guest: bool) -> Room {
        if guest && p.limit.guests != 0 && self.guests >= p.limit.guests.max(0) {
            Room::GuestsFull
        } else if p.limit.in_flight > 0 && self.in_flight >= p.limit.in_flight {
            Room::Full
        } else {
            Room::Yes
        }
    }
}

impl Router {
    /// Walks the candidates (R3). The first with an admissible endpoint and room serves; a full one
    /// that rejects refuses. It fills in v, which is at its default.
    pub(crate) fn evaluate(&mut self, c: &Config, now: Time, ask: &mut Ask, v: &mut Verdict) {
        if !ask.again || self.journey_at(ask.slot).attempts == 0 {
            self.walk(c, now, ask, v);
            return;
        }
        // A retry goes to an endpoint that it has not tried, as long as there is one (R11).
        (ask.fresh, ask.skipped) = (true, false);
        self.walk(c, now, ask, v);
        ask.fresh = false;
        if ask.skipped && v.exhausted {
            *v = Verdict::default();
            self.walk(c, now, ask, v);
        }
    }

    /// One pass of an evaluation over the candidates.
    fn walk(&mut self, c: &Config, now: Time, ask: &mut Ask, v: &mut Verdict) {
        let list = &c.placements[ask.ev.route.placement as usize].candidates;
        let mut left = Leaving { breaker: -1, ..Leaving::default() };
        for (i, &at) in list.iter().enumerate() {
            let p = &c.placements[at as usize];
            let number = self.numbers.placement[at as usize];
            let guest = i > 0;
            let mut s = if p.sharded {
                self.survey_shard(c, p, number, now, ask.ev.route.key)
            } else {
                self.survey(p, number, now)
            };
            if ask.fresh {
                self.skip_tried(ask, &mut s);
            }
            if self.placements[number as usize].panic && p.panic_do != PanicMode::ALL {
                left.passed = self.tests(&mut s);
                if s.admissible == 0 {
                    if p.panic_do == PanicMode::FAIL {
                        (v.class, v.rule, v.endpoint, v.placement) = (Class::NO_ENDPOINT, 9, -1, number);
                        v.failover = left.first;
                        return;
                    }
                    left.blocked(self, p, number, i, ask, &s);
                    continue;
                }
            }
            if s.admissible == 0 && (s.breaker >= 0 || !s.capped) {
                left.passed = false;
                left.blocked(self, p, number, i, ask, &s);
                continue;
            }
            let state = &self.placements[number as usize];
            let mut room = state.room(p, ask.ev, guest);
            if room == Room::Yes && (s.admissible == 0 || state.queue.count > 0 && state.behind(&p.limit, ask, guest)) {
                room = Room::Full; // every sound endpoint is at its cap, or others wait
            }
            match room {
                Room::Yes => {
                    (v.placement, v.candidate, v.failover) = (number, i, left.first);
                    return self.choose(now, p, ask, v);
                }
                Room::GuestsFull => {}
                Room::Full | Room::Shed | Room::Unfair => {
                    if self.full(p, number, room, ask, i, s.admissible == 0, v) {
                        v.failover = left.first;
                        return;
                    }
                }
            }
            if s.admissible == 0 && s.health >= 0 {
                left.offer(self, p, number, i, ask, s.health, left.first);
            }
            left.full(room);
        }
        v.exhausted = true;
        if left.chosen {
            return self.serve_in_panic(c, now, ask, &left, v);
        }
        *v = left.verdict(self, self.numbers.placement[list[0] as usize]);
        v.exhausted = true;
    }

    /// Decides a candidate that has no room, if it does not let the request go on.
    #[allow(clippy::too_many_arguments)]
    fn full(
        &self,
        p: &PlacementConfig,
        number: i32,
        m: Room,
        ask: &Ask,
        at: usize,
        capped: bool,
        v: &mut Verdict,
    ) -> bool {
        let (wait, refusal) = self.at_full(p, number, ask, at > 0, m, capped);
        if wait {
            (v.wait, v.placement) = (true, number);
        } else if refusal == Room::Yes {
            return false;
        } else {
            (v.class, v.endpoint, v.placement, v.candidate) = (refusal.class(), -1, number, at);
        }
        true
    }
}

/// Leaving remembers why candidates were left.
#[derive(Copy, Clone, Default)]
pub(crate) struct Leaving {
    /// Reason of the first one left: the header's.
    first: Failover,
    /// Of a refusal, when only room was missing: by the first one that had none.
    class: Class,
    /// Some were left as circuit_open.
    circuit: bool,
    /// Some were left as upstream_unhealthy, with no last resort.
    unhealthy: bool,
    /// First breaker-blocked endpoint in candidate order.
    breaker: i32,
    /// The candidate at hand is in panic and has sound endpoints (R9).
    passed: bool,
    /// The last resort is one of a placement's sound endpoints, by selection (R9).
    chosen: bool,
    /// Endpoint to use when nothing else can, -1 with none found.
    resort: i32,
    /// Its candidate's position plus 1, 0 for none.
    pub resort_at: usize,
    /// Number of its placement.
    pub resort_home: i32,
    /// The reason in the header if it serves.
    pub resort_why: Failover,
}

impl Leaving {
    fn leave(&mut self, f: Failover) {
        if self.first == Failover::NONE {
            self.first = f;
        }
    }

    fn full(&mut self, m: Room) {
        self.leave(Failover::LIMIT);
        self.lacks(m);
    }

    /// Books that room was missing, for what the first time says in a refusal.
    fn lacks(&mut self, m: Room) {
        if self.class == Class::NONE {
            self.class = m.class();
        }
    }

    /// Books a candidate without any admissible endpoint.
    fn blocked(&mut self, r: &Router, p: &PlacementConfig, number: i32, at: usize, ask: &Ask, s: &Survey) {
        let before = self.first;
        if s.breaker >= 0 {
            self.circuit = true;
            if self.breaker < 0 {
                self.breaker = s.breaker;
            }
            self.leave(Failover::CIRCUIT_OPEN);
        } else {
            self.leave(Failover::UNHEALTHY);
        }
        if s.health < 0 && !self.passed {
            return;
        }
        if p.last_resort == LastResort::REFUSE {
            self.unhealthy = true;
            return;
        }
        if self.resort_at == 0 {
            self.offer(r, p, number, at, ask, s.health, before);
            self.chosen = self.passed && self.resort_at > 0;
        }
    }

    /// Keeps an endpoint that only health blocks as the last resort, if its placement has room and
    /// none before it was found. why is the reason in the header if it serves.
    #[allow(clippy::too_many_arguments)]
    fn offer(
        &mut self,
        r: &Router,
        p: &PlacementConfig,
        number: i32,
        at: usize,
        ask: &Ask,
        endpoint: i32,
        why: Failover,
    ) {
        if p.last_resort != LastResort::USE || self.resort_at != 0 {
            return;
        }
        let s = &r.placements[number as usize];
        let mut m = s.room(p, ask.ev, at > 0);
        if m == Room::Yes && s.behind(&p.limit, ask, at > 0) {
            m = Room::Full;
        }
        if m != Room::Yes {
            self.lacks(m);
            return;
        }
        (self.resort, self.resort_at, self.resort_home, self.resort_why) = (endpoint, at + 1, number, why);
    }

    /// Closes an evaluation that found no candidate to decide: the last resort if there is one, else
    /// 503, or 429 when only room was missing.
    fn verdict(&mut self, r: &Router, home: i32) -> Verdict {
        if self.resort_at > 0 {
            return Verdict {
                endpoint: self.resort,
                placement: self.resort_home,
                candidate: self.resort_at - 1,
                failover: self.resort_why,
                ..Verdict::default()
            };
        }
        if self.circuit {
            let circuit = r.endpoints[self.breaker as usize].breaker.state;
            let class = Class::CIRCUIT_OPEN;
            return Verdict { class, endpoint: self.breaker, placement: home, circuit, ..Verdict::default() };
        }
        if self.unhealthy {
            return Verdict { class: Class::NO_ENDPOINT, endpoint: -1, placement: home, ..Verdict::default() };
        }
        if self.class == Class::NONE {
            self.class = Class::LIMIT_REACHED;
        }
        Verdict { class: self.class, endpoint: -1, placement: home, ..Verdict::default() }
    }
}

impl Router {
    /// Takes the slot, the probe and the rotation step of a verdict to forward.
    pub(crate) fn commit(&mut self, c: &Config, now: Time, ask: &Ask, v: &Verdict, out: &mut Vec<Decision>) {
        let ev = ask.ev;
        let mut n = ask.slot; // one that waited has its slot
        if !ask.again {
            match self.slots.take() {
                Some(free) => n = free,
                None => return self.table_full(now, ev, v.placement, out),
            }
        }
        let pc = &c.placements[self.placements[v.placement as usize].config as usize];
        if v.rotates > 0 {
            self.rotate(v.rotates, v.endpoint);
        }
        let probe = self.endpoints[v.endpoint as usize].breaker.state != Circuit::CLOSED;
        let mut rule = 3;
        if probe {
            self.admit_probe(c, now, v.endpoint, n, pc, out);
            rule = 6;
        }
        let serial = if ask.again { 0 } else { self.next_serial() };
        let (e, p) = (&mut self.endpoints[v.endpoint as usize], &mut self.placements[v.placement as usize]);
        let s = self.slots.at_mut(n); // at its default, as release left it, or that of a request that waited
        if !ask.again {
            (s.request, s.r#gen) = (ev.request, serial);
        }
        s.generation = e.breaker.r#gen;
        (s.endpoint, s.guest, s.probe) = (v.endpoint, v.candidate > 0, probe);
        if pc.timed {
            s.began = self.now + 1;
        }
        self.sum = self.sum.wrapping_add(s.mix(e.id));
        e.in_flight += 1;
        p.in_flight += 1;
        p.guests += i32::from(s.guest);
        let (handle, id, circuit) = (Handle { slot: n, r#gen: s.r#gen }, e.id, e.breaker.state);
        if pc.shares {
            self.take_share(pc, now, n, v.placement, ev);
        }
        self.touch_endpoint(v.endpoint);
        self.touch_placement(v.placement);
        if ask.again || c.placements[ev.route.placement as usize].retries.max > 0 {
            self.depart(c, now, n, ask, id);
        }
        let mut d = note(DecisionKind::FORWARD, rule, now);
        (d.handle, d.probe, d.pin) = (handle, probe, v.pin);
        (d.reason, d.failover, d.circuit) = (ev.route.reason, v.failover, circuit);
        (d.placement, d.endpoint) = (v.placement, v.endpoint);
        if ask.again {
            let attempts = self.journey_at(n).attempts;
            if attempts > 1 {
                d.count = u32::from(attempts);
            }
        }
        out.push(d);
    }

    /// Refuses a request for which the table of attempts has no slot.
    pub(crate) fn table_full(&mut self, now: Time, ev: &Event, placement: i32, out: &mut Vec<Decision>) {
        self.ignore(now, 5, Cause::TABLE_FULL, out);
        let mut d = note(DecisionKind::REJECT, 5, now);
        (d.class, d.status, d.reason, d.placement) = (Class::LIMIT_REACHED, 429, ev.route.reason, placement);
        out.push(d);
    }

    /// Makes the request in slot n a half-open probe of the endpoint (R6).
    fn admit_probe(
        &mut self,
        c: &Config,
        now: Time,
        number: i32,
        n: u32,
        pc: &PlacementConfig,
        out: &mut Vec<Decision>,
    ) {
        let e = &mut self.endpoints[number as usize];
        if e.breaker.state == Circuit::OPEN {
            let (moved, home) = (e.breaker.step(BreakerInput::Admit), e.placement);
            self.ensure(moved, now, "a probe from closed", out);
            out.push(self.about(DecisionKind::NOTE_HALF_OPENED, 6, now, number));
            self.weigh(c, now, home, out);
        }
        let guard = add(self.now, pc.timeouts.connect + pc.timeouts.response_header + SECOND);
        let first = self.endpoints[number as usize].breaker.add_probe(n, guard);
        self.timers.set(TimerKind::BreakerGuard, number, first);
    }
}

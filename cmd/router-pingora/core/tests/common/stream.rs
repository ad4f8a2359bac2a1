//! Inputs for one router, drawn from a tape of words: mostly sensible ones, some garbage. A tape
//! shrinks, so a failure is told with few words.
#![allow(dead_code)] // each test uses a part of it

use lockstep_core::{
    AdaptiveSpec, BreakerSpec, Class, Config, Decision, DecisionKind, Duration, EndpointSpec, Epoch, Event, EventKind,
    Fault, Handle, HealthSpec, KeySpec, LastResort, LimitSpec, MAX_DURATION, MAX_IN_FLIGHT, MILLISECOND, Method,
    Origin, PanicMode, PartSpec, PlacementSpec, Policy, QueueOrder, Reason, RetryMethods, RetryOn, RetrySpec, Route,
    RouteSpec, Router, SECOND, Spec, SplitSpec, StickySpec, TableSpec, Time, TimeoutSpec, WhenFull,
};
use std::sync::Arc;

/// A tape of drawn words; at its end every draw is 0.
pub struct Tape<'a> {
    words: std::slice::Iter<'a, u64>,
}

impl<'a> Tape<'a> {
    pub fn new(words: &'a [u64]) -> Tape<'a> {
        Tape { words: words.iter() }
    }

    pub fn is_empty(&self) -> bool {
        self.words.len() == 0
    }

    pub fn word(&mut self) -> u64 {
        self.words.next().copied().unwrap_or(0)
    }

    /// Draws from 0 to n-1.
    pub fn below(&mut self, n: u64) -> u64 {
        self.word() % n
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == n - 1
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Draws a configuration: every policy and every rule, small numbers, so that they meet often.
pub fn spec(t: &mut Tape) -> Spec {
    let names = &["a", "b", "c", "d"][..1 + t.below(4) as usize];
    let mut s = Spec { version: format!("v{}", t.below(10)), chain_fallbacks: t.one_in(4), ..Spec::default() };
    if t.one_in(2) {
        s.default = names[0].into();
    }
    let mut homes: Vec<String> = names.iter().map(|n| n.to_string()).collect();
    if names.len() > 1 && t.one_in(2) {
        let part = |name: &str, share| PartSpec { placement: name.into(), share };
        s.splits =
            vec![SplitSpec { name: "split".into(), parts: vec![part(names[0], 300_000), part(names[1], 700_000)] }];
        homes.push("split".into());
    }
    let key = |t: &mut Tape, i: usize, homes: &[String]| KeySpec {
        key: format!("k{i}").into(),
        placement: homes[t.below(homes.len() as u64) as usize].clone(),
    };
    s.keys = (0..4).map(|i| key(t, i, &homes)).collect();
    if t.one_in(2) {
        s.tables = vec![TableSpec { name: "t".into(), keys: (2..6).map(|i| key(t, i, &homes)).collect() }];
        s.routes = vec![RouteSpec { table: "t".into(), default: String::new(), unknown_status: 404 }];
    }
    s.placements = names.iter().map(|name| placement(t, name, names)).collect();
    s
}

fn placement(t: &mut Tape, name: &str, names: &[&str]) -> PlacementSpec {
    let select = Policy(t.below(7) as u8);
    let mut p = PlacementSpec {
        name: name.into(),
        select,
        last_resort: LastResort(t.below(2) as u8),
        body_max: t.pick(&[0, 0, 100, i64::MAX]),
        sticky: StickySpec { cookie: if t.one_in(4) { "c".into() } else { String::new() }, ttl: 0 },
        slow_start: t.pick(&[0, 0, SECOND, MAX_DURATION]),
        breaker: breaker(t),
        limit: limit(t),
        panic: t.pick(&[0, 0, 50, 100]),
        ..PlacementSpec::default()
    };
    if p.panic > 0 {
        p.panic_do = PanicMode(t.below(3) as u8);
    }
    if select.hashing() {
        p.bound = t.pick(&[0, 101, 1000]);
    }
    if select == Policy::EWMA {
        p.decay = t.pick(&[0, MILLISECOND, MAX_DURATION]);
    }
    p.health = HealthSpec {
        off: t.one_in(2),
        every: t.pick(&[0, SECOND, MILLISECOND, MAX_DURATION]),
        fall: t.below(3) as u32,
        start_unhealthy: t.one_in(8),
        ..HealthSpec::default()
    };
    p.timeouts = TimeoutSpec { request: t.pick(&[0, SECOND, MAX_DURATION]), ..TimeoutSpec::default() };
    p.limit.wait = if p.limit.queue > 0 { t.pick(&[SECOND, MILLISECOND]) } else { 0 };
    if t.one_in(2) {
        p.retries = RetrySpec {
            max: 1 + t.below(4) as u32,
            on: RetryOn(t.below(64) as u8),
            methods: RetryMethods(t.below(3) as u8),
            back_off: t.pick(&[0, MILLISECOND, SECOND]),
            retry_after: t.pick(&[0, MAX_DURATION]),
            no_budget: t.one_in(3),
            ..RetrySpec::default()
        };
    }
    for j in 0..1 + t.below(4) {
        p.endpoints.push(EndpointSpec {
            url: format!("http://{name}{}", j * 2 + t.below(2)),
            weight: t.pick(&[0, 0, 50, 1, 10_000]),
            limit: t.pick(&[0, 0, 1, 2, MAX_IN_FLIGHT as u32]),
            ..EndpointSpec::default()
        });
    }
    p.shards = t.pick(&[0, 0, 1]);
    let other = t.below(names.len() as u64) as usize;
    if names[other] != name {
        p.fallback = vec![names[other].into()];
    }
    p
}

fn breaker(t: &mut Tape) -> BreakerSpec {
    let mut b = BreakerSpec {
        off: t.one_in(8),
        failures: t.below(4) as u32,
        open: t.pick(&[0, SECOND, MILLISECOND, MAX_DURATION]),
        growth: t.pick(&[0, 1_500_000, 10_000_000]),
        jitter: t.pick(&[0, 200_000, 1_000_000]),
        probes: t.below(9) as u32,
        successes: t.pick(&[0, 2, u32::MAX]),
        max_open_percent: t.pick(&[0, 1, 50]),
        ..BreakerSpec::default()
    };
    if t.one_in(3) {
        b.failure_ratio = t.pick(&[1, 500_000, 1_000_000]);
        b.slow_ratio = t.pick(&[0, 500_000]);
        b.window = t.pick(&[0, SECOND / 10, 3600 * SECOND]);
        b.min_requests = t.pick(&[0, 1, 3]);
        b.slow_call = if b.slow_ratio > 0 { MILLISECOND } else { 0 };
    }
    b
}

fn limit(t: &mut Tape) -> LimitSpec {
    let in_flight = t.pick(&[0, 1, 2, 4, i32::MAX]);
    let mut l = LimitSpec { in_flight, when_full: WhenFull(t.below(2) as u8), ..LimitSpec::default() };
    l.guests = t.pick(&[0, 0, -1, 1]);
    if in_flight > 0 && t.one_in(2) {
        (l.when_full, l.queue) = (WhenFull::QUEUE, 1 + t.below(4) as i32);
        l.order = QueueOrder(t.below(2) as u8);
    }
    if in_flight > 0 && t.one_in(3) {
        l.tenant_share = t.pick(&[0, 1, 50, 99]);
        l.priorities = t.pick(&[[0; 8], [100, 50, 0, 0, 0, 0, 0, 1], [1; 8]]);
    }
    if t.one_in(4) {
        let max = t.pick(&[1, 4, MAX_IN_FLIGHT as i32]);
        l.adaptive =
            AdaptiveSpec { max, window: t.pick(&[0, 10 * MILLISECOND]), remeasure: 4, ..AdaptiveSpec::default() };
    }
    l
}

/// Draws the inputs of one router, and keeps what later ones may name.
pub struct Stream<'a> {
    pub t: Tape<'a>,
    pub configs: Vec<Arc<Config>>,
    pub now: Time,
    flying: Vec<Handle>,
    probes: Vec<(i32, u32)>,
}

impl<'a> Stream<'a> {
    /// Draws one to three configurations; what does not compile is left out.
    pub fn new(words: &'a [u64]) -> Stream<'a> {
        let mut t = Tape::new(words);
        let configs = (0..1 + t.below(3)).filter_map(|_| Config::compile(&spec(&mut t)).ok()).collect();
        Stream { t, configs, now: 0, flying: Vec::new(), probes: Vec::new() }
    }

    pub fn ended(&self) -> bool {
        self.t.is_empty()
    }

    /// Draws the next input for `r`.
    pub fn event(&mut self, r: &Router) -> Event {
        let pass: Duration = self.t.pick(&[0, 0, 1, MILLISECOND, MILLISECOND, SECOND, 7 * SECOND, 100 * SECOND]);
        self.now = self.now.saturating_add(pass);
        if self.t.one_in(200) {
            self.now = self.t.pick(&[i64::MAX, i64::MIN, -1, 1 << 61]);
        }
        match self.t.below(20) {
            0..=7 => self.arrive(r),
            8..=11 => self.ending(EventKind::FINISH),
            12..=13 => self.ending(EventKind::REPLY),
            14 => self.probed(),
            15..=16 => self.adopt(),
            17 if self.t.one_in(20) => {
                let deadline = self.t.pick(&[self.now, self.now.saturating_add(SECOND), i64::MAX, i64::MIN]);
                Event { kind: EventKind::DRAIN, deadline, ..Event::default() }
            }
            18 => self.garbage(r),
            _ => Event { kind: EventKind::TICK, ..Event::default() },
        }
    }

    fn arrive(&mut self, r: &Router) -> Event {
        let mut ev = Event {
            kind: EventKind::ARRIVE,
            epoch: r.epoch(),
            request: self.t.below(100),
            length: self.t.pick(&[-1, 0, 50, 250]),
            method: Method(self.t.below(3) as u8),
            priority: self.t.below(10) as u8,
            via: self.t.pick(&[0, 0, 1, 2]),
            prefer: r.identity(self.t.below(8) as i32),
            ..Event::default()
        };
        let mut stale = Vec::new();
        r.append_stale(&mut stale);
        if let Some(h) = stale.first()
            && let Some(j) = r.journey(*h)
        {
            (ev.handle, ev.request) = (*h, j.request);
        }
        if let Some(c) = r.config() {
            let key = self.t.pick(&["", "k0", "k1", "k2", "k3", "k4", "other"]);
            ev.route = c.match_via(ev.via, key, ev.split_hash()).0;
        }
        if self.t.one_in(12) {
            self.spoil(&mut ev);
        }
        ev
    }

    /// Makes fields of an arrive what no edge sends.
    fn spoil(&mut self, ev: &mut Event) {
        let t = &mut self.t;
        (ev.method, ev.priority, ev.via) = (Method(t.word() as u8), t.word() as u8, t.word() as u16);
        ev.route.reason = Reason(t.word() as u8);
        ev.length = t.pick(&[i64::MIN, i64::MAX, -2]);
        if t.one_in(2) {
            ev.route.refuse = Class(t.pick(&[2, 5, 12, 28, 29, 30, 255]));
        }
        if t.one_in(2) {
            ev.route.placement = t.pick(&[0, 1, 4, -1, i32::MIN, i32::MAX]);
        }
    }

    /// The end, or the headers, of an attempt in flight; now and then of one that is not.
    fn ending(&mut self, kind: EventKind) -> Event {
        let mut handle = Handle { slot: self.t.below(6) as u32, r#gen: self.t.below(10) as u32 };
        if !self.flying.is_empty() && !self.t.one_in(10) {
            let i = self.t.below(self.flying.len() as u64) as usize;
            handle = self.flying[i];
            if kind == EventKind::FINISH {
                self.flying.remove(i);
            }
        }
        Event {
            kind,
            handle,
            class: Class(self.t.pick(&[0, 0, 0, 11, 14, 17, 18, 21, 99])),
            status: self.t.pick(&[200, 200, 404, 500, 503, 0, 900]),
            sent: self.t.one_in(2),
            replayable: !self.t.one_in(4),
            retry_after: self.t.pick(&[0, 0, MILLISECOND, i64::MAX, i64::MIN]),
            ..Event::default()
        }
    }

    /// The report of a probe that is out; now and then of one that never was.
    fn probed(&mut self) -> Event {
        let i = self.t.below(self.probes.len() as u64 + 1) as usize;
        let (endpoint, token) = if i < self.probes.len() { self.probes.remove(i) } else { (self.t.word() as i32, 1) };
        Event { kind: EventKind::PROBED, endpoint, token, ok: self.t.one_in(2), ..Event::default() }
    }

    fn adopt(&mut self) -> Event {
        let i = self.t.below(self.configs.len() as u64 + 1) as usize;
        Event {
            kind: EventKind::ADOPT,
            config: self.configs.get(i).cloned(),
            epoch: Epoch { term: self.t.pick(&[0, 0, 1, u64::MAX]), number: self.t.pick(&[0, 0, 1, 2, 3, u64::MAX]) },
            fault: Fault(self.t.pick(&[0, 0, 0, 0, 1, 2, 9])),
            origin: Origin(self.t.below(5) as u8),
            deliberate: self.t.one_in(2),
            ..Event::default()
        }
    }

    /// Any numbers at all.
    fn garbage(&mut self, r: &Router) -> Event {
        let t = &mut self.t;
        let extreme = |t: &mut Tape| t.pick(&[0, -1, 1, i64::MIN, i64::MAX]);
        Event {
            kind: EventKind(t.pick(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255])),
            method: Method(t.word() as u8),
            via: t.word() as u16,
            class: Class(t.word() as u8),
            fault: Fault(t.word() as u8),
            priority: t.word() as u8,
            replayable: t.one_in(2),
            sent: t.one_in(2),
            status: t.word() as u16,
            token: t.word() as u32,
            endpoint: t.word() as i32,
            handle: Handle { slot: t.pick(&[0, 1, 1023, 1024, u32::MAX]), r#gen: t.below(3) as u32 },
            request: t.word(),
            prefer: t.word(),
            epoch: if t.one_in(2) { Epoch { term: t.word(), number: t.word() } } else { r.epoch() },
            route: Route {
                key: t.word(),
                ring: t.word() as u32,
                placement: t.pick(&[0, 1, 3, 4, -1, i32::MIN, i32::MAX]),
                reason: Reason(t.word() as u8),
                refuse: Class(t.pick(&[0, 0, 1, 2, 3, 12, 28, 29, 30, 255])),
            },
            length: extreme(t),
            retry_after: extreme(t),
            deadline: extreme(t),
            ..Event::default()
        }
    }

    /// Keeps what later events may name.
    pub fn learn(&mut self, out: &[Decision]) {
        for d in out {
            match d.kind {
                DecisionKind::FORWARD | DecisionKind::QUEUED | DecisionKind::RETRY => {
                    self.flying.push(d.handle);
                    if self.flying.len() > 64 {
                        self.flying.remove(0);
                    }
                }
                DecisionKind::PROBE => {
                    self.probes.push((d.endpoint, d.token));
                    if self.probes.len() > 8 {
                        self.probes.remove(0);
                    }
                }
                _ => {}
            }
        }
    }
}

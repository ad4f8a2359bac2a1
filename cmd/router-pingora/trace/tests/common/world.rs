//! A router that is fed by hand and recorded.
#![allow(dead_code)]

use std::sync::Arc;

use lockstep_core::{
    BreakerSpec, Class, Config, Decision, DecisionKind, EndpointSpec, Event, EventKind, Handle, HealthSpec, KeySpec,
    LastResort, LimitSpec, MILLISECOND, Method, Options, PlacementSpec, Policy, Reason, Router, SECOND, Spec, Time,
    TimeoutSpec, WhenFull, request_hash,
};
use lockstep_trace::{Encoder, Header, Request, append_config, append_file, route_of};

/// Has every kind of setting; n varies it.
pub fn config(n: u32) -> Arc<Config> {
    let endpoint = |url: String| EndpointSpec { url, ..EndpointSpec::default() };
    let key = |key: &[u8], placement: &str| KeySpec { key: key.into(), placement: placement.into() };
    let visa = PlacementSpec {
        name: "visa".into(),
        endpoints: vec![
            EndpointSpec { name: "a".into(), ..endpoint("http://a:1".into()) },
            EndpointSpec { weight: 50, ..endpoint(format!("http://a:{}", 2 + n)) },
        ],
        fallback: vec!["tier1".into()],
        limit: LimitSpec { in_flight: 6, guests: 2, when_full: WhenFull::FAIL_OVER, ..LimitSpec::default() },
        breaker: BreakerSpec {
            failures: 2,
            open: 3 * SECOND,
            growth: 2_000_000,
            jitter: 100_000,
            probes: 2,
            ..BreakerSpec::default()
        },
        select: Policy::LEAST_REQUEST,
        ..PlacementSpec::default()
    };
    let tier1 = PlacementSpec {
        name: "tier1".into(),
        endpoints: vec![endpoint("http://b:1".into()), endpoint("http://b:2".into())],
        body_max: 1000,
        limit: LimitSpec { in_flight: 8, ..LimitSpec::default() },
        breaker: BreakerSpec { failures: 3, max_open_percent: 50, ..BreakerSpec::default() },
        last_resort: LastResort::REFUSE,
        health: HealthSpec { every: SECOND, fall: 1, rise: 1, path: "/ready".into(), ..HealthSpec::default() },
        ..PlacementSpec::default()
    };
    let tier3 = PlacementSpec {
        name: "tier3".into(),
        kind: Reason::DEDICATED,
        endpoints: vec![endpoint("http://c:1".into())],
        select: Policy::FIRST,
        timeouts: TimeoutSpec { connect: SECOND, ..TimeoutSpec::default() },
        ..PlacementSpec::default()
    };
    let spec = Spec {
        version: format!("v{n}"),
        default: "tier3".into(),
        chain_fallbacks: n.is_multiple_of(2),
        keys: vec![key(b"visa", "visa"), key(b"a\"\x01\xff\\\xc3\xa9", "tier1"), key(b"<&>", "visa")],
        placements: vec![visa, tier1, tier3],
        ..Spec::default()
    };
    Config::compile(&spec).unwrap()
}

/// A real router and what records it.
pub struct World<F> {
    pub router: Router,
    pub now: Time,
    observe: F,
    out: Vec<Decision>,
    handles: Vec<Handle>,
    count: u64,
}

impl<F: FnMut(&mut Router, &Event, Option<Request<'_>>, &[Decision])> World<F> {
    pub fn new(seed: u64, observe: F) -> Self {
        let router = Router::new(Options { seed, strict: true });
        World { router, now: 0, observe, out: Vec::new(), handles: Vec::new(), count: 0 }
    }

    pub fn step(&mut self, mut ev: Event, req: Option<Request<'_>>) {
        self.out.clear();
        self.router.step(self.now, &mut ev, &mut self.out);
        self.handles.extend(self.out.iter().filter(|d| d.kind == DecisionKind::FORWARD).map(|d| d.handle));
        (self.observe)(&mut self.router, &ev, req, &self.out);
    }

    pub fn adopt(&mut self, c: &Arc<Config>) {
        let ev = Event { kind: EventKind::ADOPT, config: Some(Arc::clone(c)), ..Event::default() };
        self.step(ev, None);
    }

    pub fn arrive(&mut self, key: &[u8], length: i64) {
        self.count += 1;
        let id = [self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15), !self.count];
        let mut ev = Event {
            kind: EventKind::ARRIVE,
            request: request_hash(id[0], id[1]),
            epoch: self.router.epoch(),
            method: Method((self.count % 3) as u8),
            length,
            priority: (self.count % 2) as u8,
            ..Event::default()
        };
        ev.route = route_of(self.router.config().map(|c| &**c), key, &ev);
        self.step(ev, Some(Request { key, id }));
    }

    /// Ends the oldest attempt, or one that there is not.
    pub fn finish(&mut self, class: Class) {
        let none = Handle { slot: 7, r#gen: 99 };
        let handle = if self.handles.is_empty() { none } else { self.handles.remove(0) };
        let ev = Event { kind: EventKind::FINISH, handle, class, sent: class == Class::NONE, ..Event::default() };
        self.step(ev, None);
    }
}

/// A trace of small blocks, each of a few refused connections, and its blocks.
pub fn small(count: usize, requests: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let c = config(1);
    let enc = std::cell::RefCell::new(Encoder::new());
    let mut w = World::new(3, |r: &mut Router, ev: &Event, req: Option<Request<'_>>, out: &[Decision]| {
        enc.borrow_mut().append(r.now(), ev, req, out);
    });
    enc.borrow_mut().begin(Vec::new(), &mut w.router, 1);
    let (mut file, mut blocks) = (segment("small", 1), Vec::new());
    w.adopt(&c);
    for _ in 0..count {
        for _ in 0..requests {
            w.now += MILLISECOND;
            w.arrive(b"visa", 10);
            w.finish(Class::CONNECT_REFUSED);
        }
        let mut enc = enc.borrow_mut();
        enc.mark(w.router.digest());
        let block = enc.end().seal().to_vec();
        file.extend_from_slice(&block);
        blocks.push(block);
        let step = enc.step();
        enc.begin(Vec::new(), &mut w.router, step);
    }
    (file, blocks)
}

/// What a segment begins with: a header of that name, and a configuration.
pub fn segment(name: &str, config_number: u32) -> Vec<u8> {
    let mut file = Vec::new();
    append_file(&mut file, &Header { name: name.into(), ..Header::default() });
    append_config(&mut file, &config(config_number));
    file
}

//! A successor begins with what its predecessor learnt, and without what was on its connections.

use lockstep_core::*;
use proptest::prelude::*;
use std::sync::Arc;

mod common;
#[path = "common/stream.rs"]
mod stream;
use common::adopt;
use stream::Stream;

fn snapshot(r: &Router) -> Vec<u8> {
    let mut out = Vec::new();
    r.snapshot(&mut out);
    out
}

fn restored(snapshot: &[u8], c: Option<Arc<Config>>) -> Router {
    Router::restore(snapshot, c, true).expect("a router restores what it wrote")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_successor_has_the_epoch_breakers_and_health_and_no_attempt(
        words in prop::collection::vec(any::<u64>(), 100..2000),
    ) {
        let (mut s, mut r) = (Stream::new(&words), Router::new(Options { seed: 3, strict: true }));
        while !s.ended() {
            let ev = s.event(&r);
            let out = step(&mut r, s.now, ev);
            s.learn(&out);
        }
        let now = r.now();
        step(&mut r, now, Event { kind: EventKind::TICK, ..Event::default() }); // what is due has fired
        let mut s = restored(&snapshot(&r), r.config().cloned());
        s.succeed();
        prop_assert_eq!((s.in_flight(), s.waiting(), s.draining(), s.epoch()), (0, 0, false, r.epoch()));
        prop_assert_eq!((s.now(), s.counters()), (r.now(), Counters::default()));
        let again = restored(&snapshot(&s), s.config().cloned()).digest();
        prop_assert_eq!(again, s.digest(), "a recording can begin with it");
        for n in 0..s.endpoints() as i32 {
            let (was, is) = (r.endpoint(n).unwrap(), s.endpoint(n).unwrap());
            if is.url.is_empty() {
                prop_assert!(was.index < 0, "{} is in the configuration and went", was.url);
                continue;
            }
            prop_assert!(is.index >= 0, "{} waits for attempts that nobody has", is.url);
            prop_assert_eq!(is, EndpointView { in_flight: 0, probes: 0, probing: false, ..was });
        }
    }
}

/// A placement of one endpoint, whose breaker opens at the first failure for ten seconds.
fn fragile() -> Arc<Config> {
    let placement = PlacementSpec {
        name: "a".into(),
        endpoints: vec![EndpointSpec { url: "http://a".into(), ..EndpointSpec::default() }],
        breaker: BreakerSpec { failures: 1, open: 10 * SECOND, ..BreakerSpec::default() },
        health: HealthSpec { off: true, ..HealthSpec::default() },
        ..PlacementSpec::default()
    };
    let spec = Spec { version: "1".into(), default: "a".into(), placements: vec![placement], ..Spec::default() };
    Config::compile(&spec).expect("it compiles")
}

fn step(r: &mut Router, now: Time, mut ev: Event) -> Vec<Decision> {
    let mut out = Vec::new();
    r.step(now, &mut ev, &mut out);
    out
}

fn arrive(r: &mut Router, now: Time) -> Decision {
    let route = r.config().expect("it has one").match_key("somebody").0;
    let ev = Event { kind: EventKind::ARRIVE, epoch: r.epoch(), route, ..Event::default() };
    *step(r, now, ev).last().expect("an arrive is answered")
}

#[test]
fn a_successor_of_a_draining_router_admits() {
    let mut r = Router::new(Options { seed: 1, strict: true });
    step(&mut r, 0, adopt(&fragile()));
    step(&mut r, 10, Event { kind: EventKind::DRAIN, deadline: 20, ..Event::default() });
    assert_eq!(arrive(&mut r, 11).class, Class::DRAINING);
    r.succeed();
    assert_eq!(arrive(&mut r, 30).kind, DecisionKind::FORWARD);
}

#[test]
fn a_half_open_probe_of_the_predecessor_does_not_keep_the_successor_from_its_own() {
    let mut r = Router::new(Options { seed: 1, strict: true });
    step(&mut r, 0, adopt(&fragile()));
    let handle = arrive(&mut r, 1).handle;
    step(&mut r, 1, Event { kind: EventKind::FINISH, handle, class: Class::CONNECT_REFUSED, ..Event::default() });
    let later = 11 * SECOND;
    assert!(arrive(&mut r, later).probe);
    assert_eq!(arrive(&mut r, later).class, Class::CIRCUIT_OPEN);
    r.succeed();
    let own = arrive(&mut r, later + 1);
    assert_eq!((own.probe, own.circuit), (true, Circuit::HALF_OPEN));
}

use super::*;
use crate::class::Class;
use crate::config::Route;
use crate::decision::{Decision, DecisionKind};
use crate::event::{Event, EventKind, Handle};
use crate::snapshot::Writer;
use crate::spec::{BreakerSpec, EndpointSpec, HealthSpec, LimitSpec, PlacementSpec, Policy, Spec, WhenFull};
use crate::time::SECOND;
use alloc::format;
use alloc::string::ToString;

fn config(version: &str, hosts: &[&str]) -> Arc<Config> {
    let endpoint = |host: &&str| EndpointSpec { url: format!("http://{host}"), ..EndpointSpec::default() };
    let visa = PlacementSpec {
        name: "visa".into(),
        select: Policy::FIRST,
        fallback: vec!["tier1".into()],
        breaker: BreakerSpec { failures: 1, open: SECOND, ..BreakerSpec::default() },
        endpoints: hosts.iter().map(endpoint).collect(),
        ..PlacementSpec::default()
    };
    let tier1 = PlacementSpec {
        name: "tier1".into(),
        endpoints: vec![endpoint(&"t")],
        health: HealthSpec { off: true, ..HealthSpec::default() },
        ..PlacementSpec::default()
    };
    Config::compile(&Spec { version: version.into(), placements: vec![visa, tier1], ..Spec::default() }).unwrap()
}

fn step(r: &mut Router, now: Time, mut ev: Event) -> Decision {
    if ev.kind == EventKind::ARRIVE {
        (ev.epoch, ev.route) = (r.epoch, Route { placement: 1, ..Route::default() });
    }
    let mut out = Vec::new();
    r.step(now, &mut ev, &mut out);
    out.last().copied().unwrap_or_default()
}

fn event(kind: EventKind) -> Event {
    Event { kind, ..Event::default() }
}

/// A router with something of everything: attempts, a guest, a half-open probe, an open breaker,
/// an active probe out, a retiring endpoint.
fn busy() -> Router {
    let mut r = Router::new(Options { seed: 5, strict: true });
    let adopt = |version, hosts| Event { config: Some(config(version, hosts)), ..event(EventKind::ADOPT) };
    step(&mut r, 0, adopt("1", &["a", "b", "c"]));
    step(&mut r, 0, event(EventKind::TICK));
    for _ in 0..3 {
        let handle = step(&mut r, 1, event(EventKind::ARRIVE)).handle;
        step(&mut r, 1, Event { handle, status: 500, ..event(EventKind::FINISH) });
    }
    step(&mut r, 2, event(EventKind::ARRIVE)); // all open: a guest in tier1
    step(&mut r, SECOND + 1, event(EventKind::ARRIVE));
    step(&mut r, SECOND + 1, event(EventKind::ARRIVE));
    step(&mut r, SECOND + 2, adopt("2", &["b", "c"]));
    let state = |circuit| r.endpoints.iter().filter(|e| e.breaker.state == circuit).count();
    assert_eq!((r.in_flight(), r.placements[0].guests, r.endpoints[1].config), (3, 1, -1));
    assert_eq!((state(Circuit::HALF_OPEN), state(Circuit::OPEN)), (2, 1));
    r
}

fn written(r: &Router) -> Vec<u8> {
    let mut b = Vec::new();
    r.snapshot(&mut b);
    b
}

fn restored(b: &[u8], r: &Router) -> Result<Router, RestoreError> {
    Router::restore(b, r.config.clone(), true)
}

/// Why a snapshot is refused.
fn refusal(b: &[u8], r: &Router) -> alloc::string::String {
    restored(b, r).map(|_| "it is restored").map_or_else(|e| e.to_string(), str::to_string)
}

#[test]
fn a_snapshot_that_is_cut_or_longer_is_refused() {
    let mut r = busy();
    let whole = written(&r);
    assert_eq!(restored(&whole, &r).unwrap().digest(), r.digest());
    for n in 0..whole.len() {
        assert!(restored(&whole[..n], &r).is_err(), "{n} of {} bytes are accepted", whole.len());
    }
    let longer = [&whole[..], &[0]].concat();
    assert_eq!(refusal(&longer, &r), "restoring a snapshot: its sections are out of order");
}

#[test]
fn a_snapshot_names_its_configuration() {
    let r = busy();
    let digest = r.config.as_ref().unwrap().digest;
    assert_eq!(snapshot_config(&written(&r)), Ok((digest, 5)));
    for c in [None, Some(config("3", &["a"]))] {
        let e = Router::restore(&written(&r), c, true).err().unwrap();
        assert!(e.to_string().ends_with("it was made under another configuration"));
    }
    let empty = Router::new(Options { seed: 9, strict: true });
    assert_eq!(snapshot_config(&written(&empty)), Ok((0, 9)));
    assert!(restored(&written(&empty), &r).is_err(), "one without a configuration is restored under one");
    assert!(snapshot_config(&[9]).unwrap_err().to_string().ends_with("its version is not 1"));
}

/// What is planted in a state, and why its snapshot is refused.
type Plant = (&'static str, fn(&mut Router));

const IMPOSSIBLE: &[Plant] = &[
    ("an endpoint's count is not that of its attempts", |r| r.endpoints[0].in_flight += 1),
    ("a placement's count is not that of its attempts", |r| r.placements[0].in_flight += 1),
    ("a placement's count is not that of its attempts", |r| r.placements[0].guests -= 1),
    ("a breaker's state is impossible", |r| r.endpoints[0].breaker.state = Circuit::NONE),
    ("a field is cut off or out of range", |r| r.endpoints[0].breaker.state = Circuit(4)),
    ("a breaker's state is impossible", |r| r.endpoints[0].breaker.probes = 1),
    ("a field is cut off or out of range", |r| r.endpoints[0].breaker.reopened = MAX_REOPENED + 1),
    ("an attempt belongs to no endpoint", |r| r.slots.at_mut(0).endpoint = 99),
    ("an attempt belongs to no endpoint", |r| r.slots.at_mut(0).endpoint = r.endpoints.len() as i32),
    ("an attempt belongs to no endpoint", |r| r.slots.at_mut(0).r#gen = 0),
    ("an endpoint belongs to no placement", |r| r.endpoints[0].placement = 99),
    ("an endpoint belongs to no placement", |r| r.endpoints[0].placement = r.placements.len() as i32),
    ("an endpoint is not in the configuration", |r| r.endpoints[0].url = (*b"http://x").into()),
    ("it does not cover its configuration", |r| r.endpoints[0].config = -1),
    ("a retiring endpoint is probed", |r| r.endpoints[1].health.token = 5),
    ("a retiring endpoint has a half-open probe out", |r| r.endpoints[1].breaker.probes = 1),
    ("a retiring endpoint holds nothing", |r| {
        (r.endpoints[3].config, r.endpoints[3].health.token) = (-1, 0);
        r.stop_health(3);
    }),
    ("an endpoint whose health is off is probed", |r| r.timers.set(TimerKind::Health, 0, 5 * SECOND)),
    ("an endpoint whose health is off is probed", |r| r.timers.set(TimerKind::HealthGuard, 0, 5 * SECOND)),
    ("an endpoint whose health is off is probed", |r| r.endpoints[0].health.unhealthy = true),
    ("a deadline has passed", |r| r.timers.set(TimerKind::Health, 2, r.now - 1)),
    ("two endpoints have one identity", |r| r.endpoints.push(r.endpoints[3].clone())),
    ("two placements have one name", |r| {
        let twin = Placement { in_flight: 0, guests: 0, ..r.placements[0].clone() };
        r.placements.push(twin);
    }),
    ("a retiring endpoint is probed", |r| r.timers.set(TimerKind::Health, 1, 5)),
    ("a retiring endpoint is probed", |r| r.timers.set(TimerKind::HealthGuard, 1, 5)),
    ("a field is cut off or out of range", |r| r.now = LATEST + 1),
    ("a field is cut off or out of range", |r| r.abort_from = MAX_IN_FLIGHT as u32 + 1),
];

#[test]
fn a_state_that_cannot_be_is_refused() {
    for (want, plant) in IMPOSSIBLE {
        let mut r = busy();
        plant(&mut r);
        assert_eq!(refusal(&written(&r), &r), format!("restoring a snapshot: {want}"));
    }
}

#[test]
fn two_attempts_cannot_hold_one_slot_nor_one_lie_outside_the_table() {
    let mut r = busy();
    let (whole, mut last, mut outside) = (written(&r), Vec::new(), Vec::new());
    Writer(&mut last).slot(2, r.slots.at(2)); // the last of three
    Writer(&mut outside).slot(MAX_IN_FLIGHT as u32, r.slots.at(2));
    let before = &whole[..whole.len() - last.len()];
    assert_eq!([before, &last].concat(), whole);
    assert!(refusal(&[before, &outside].concat(), &r).ends_with("out of range"));
    r.slots.live += 1;
    assert!(refusal(&[written(&r), last].concat(), &r).ends_with("two attempts hold one slot"));
}

/// Uses whatever a state offers.
fn wear_out(r: &mut Router) {
    for _ in 0..3 {
        for placement in 0..2 {
            let arrive =
                Event { epoch: r.epoch, route: Route { placement, ..Route::default() }, ..event(EventKind::ARRIVE) };
            let mut out = Vec::new();
            r.step(r.now, &mut arrive.clone(), &mut out);
            let handle = out.last().map_or(Handle::default(), |d| d.handle);
            step(r, r.now, Event { handle, status: 500, ..event(EventKind::FINISH) });
        }
        let handles: Vec<Handle> = r.slots.taken().map(|(slot, s)| Handle { slot, r#gen: s.r#gen }).collect();
        for handle in handles {
            step(r, r.now, Event { handle, class: Class::NONE, status: 200, ..event(EventKind::FINISH) });
        }
        step(r, r.now + 100 * SECOND, event(EventKind::TICK));
        r.digest();
    }
}

/// Tries every byte with several values, and goes on with every state that is accepted.
#[test]
fn no_flipped_byte_leads_to_a_panic() {
    let r = busy();
    let whole = written(&r);
    let mut accepted = 0;
    for i in 0..whole.len() {
        for v in [0, 1, 0x7f, 0x80, 0xff, whole[i].wrapping_add(1), whole[i].wrapping_sub(1)] {
            let mut forged = whole.clone();
            forged[i] = v;
            if let Ok(mut r) = Router::restore(&forged, r.config.clone(), false) {
                wear_out(&mut r);
                accepted += 1;
            }
        }
    }
    assert!(accepted > 100, "only {accepted} forged states go on");
}

#[test]
fn a_restored_router_shows_the_same_views() {
    let r = busy();
    let twin = restored(&written(&r), &r).unwrap();
    assert_eq!((twin.placements(), twin.endpoints()), (r.placements(), r.endpoints()));
    for n in -1..=r.placements() as i32 {
        assert_eq!(twin.placement(n), r.placement(n));
    }
    for n in -1..=r.endpoints() as i32 {
        assert_eq!((twin.endpoint(n), twin.blocked(r.now, n)), (r.endpoint(n), r.blocked(r.now, n)));
    }
    for slot in 0..4 {
        let h = Handle { slot, r#gen: r.slots.at(slot).r#gen };
        assert_eq!((twin.attempt(h), twin.journey(h)), (r.attempt(h), r.journey(h)));
    }
}

#[test]
fn a_copy_goes_its_own_way() {
    let mut from = busy();
    let (before, digest) = (written(&from), from.digest());
    let mut r = Router::new(Options::default());
    // Into an empty router, into one that held more, and into one that held the same.
    for _ in 0..3 {
        r.copy_from(&from);
        assert_eq!((written(&r), r.digest(), r.deadline()), (before.clone(), digest, from.deadline()));
        for _ in 0..3000 {
            let now = r.now;
            assert_ne!(step(&mut r, now, event(EventKind::ARRIVE)).kind, DecisionKind::NONE);
        }
        assert!(r.slots.chunks.len() > 2, "the table did not grow");
        let now = r.now + 1;
        step(&mut r, now, Event { deadline: now + 1, ..event(EventKind::DRAIN) });
        assert_eq!((written(&from), from.digest()), (before.clone(), digest));
        assert_eq!(restored(&written(&r), &r).unwrap().digest(), r.digest());
    }
}

#[test]
fn a_refusal_with_any_placement_is_taken() {
    for placement in [-1, 0, 1, 7, i32::MAX, i32::MIN] {
        let mut r = Router::new(Options { seed: 7, strict: true });
        let limit =
            LimitSpec { in_flight: 1, queue: 2, wait: SECOND, when_full: WhenFull::QUEUE, ..LimitSpec::default() };
        let endpoints = vec![EndpointSpec { url: "http://a".into(), ..EndpointSpec::default() }];
        let a = PlacementSpec { name: "a".into(), limit, endpoints, ..PlacementSpec::default() };
        let c = Config::compile(&Spec { version: "1".into(), placements: vec![a], ..Spec::default() }).unwrap();
        step(&mut r, 0, Event { config: Some(c), ..event(EventKind::ADOPT) });
        let arrive = Event { epoch: r.epoch, ..event(EventKind::ARRIVE) };
        let mut out = Vec::new();
        r.step(0, &mut arrive.clone(), &mut out);
        r.step(0, &mut arrive.clone(), &mut out);
        let waits = out[out.len() - 1];
        assert_eq!(waits.kind, DecisionKind::QUEUED);
        let route = Route { placement, refuse: Class::UNKNOWN_KEY, ..Route::default() };
        r.step(0, &mut Event { handle: waits.handle, route, ..arrive }, &mut out);
        assert_eq!(restored(&written(&r), &r).unwrap().digest(), r.digest(), "placement {placement}");
    }
}

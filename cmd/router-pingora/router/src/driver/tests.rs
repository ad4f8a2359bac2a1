//! The driver without HTTP: matching anew, waits, what sinks are told.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lockstep_core::{
    Class, Config, DecisionKind, EndpointSpec, Epoch, Fault, HealthSpec, KeySpec, MILLISECOND, Origin, PlacementSpec,
    SECOND, Spec, WhenFull,
};

use super::*;

fn place(name: &str) -> PlacementSpec {
    let mut p = PlacementSpec { name: name.into(), ..PlacementSpec::default() };
    p.endpoints = vec![EndpointSpec { url: format!("http://{name}:80"), ..EndpointSpec::default() }];
    p.health = HealthSpec { off: true, ..HealthSpec::default() };
    p
}

fn config(version: &str, places: Vec<PlacementSpec>) -> Arc<Config> {
    let keys = places.iter().map(|p| KeySpec { key: p.name.clone().into_bytes(), placement: p.name.clone() }).collect();
    let default = places[0].name.clone();
    Config::compile(&Spec { version: version.into(), keys, default, placements: places, ..Spec::default() }).unwrap()
}

fn adopt(d: &Driver, c: Arc<Config>) {
    let answer = d.adopt(Some(c), Epoch::default(), Origin::FILE, Fault::NONE);
    assert_eq!(answer.kind, DecisionKind::ACK);
}

fn arrival(key: &[u8]) -> Arrival<'_> {
    Arrival { key, id: [1, 2], ..Arrival::default() }
}

/// A placement of one slot and a queue.
fn queueing(wait: i64) -> PlacementSpec {
    let mut p = place("a");
    (p.limit.in_flight, p.limit.when_full, p.limit.queue, p.limit.wait) = (1, WhenFull::QUEUE, 4, wait);
    p
}

#[test]
fn without_a_configuration_a_request_is_refused_as_not_ready_and_one_without_a_key_as_no_key() {
    let d = Driver::new(Options::default());
    assert_eq!(d.arrive(&arrival(b"a")).class, Class::NOT_READY);
    assert_eq!(d.arrive(&arrival(b"")).class, Class::NO_KEY);
}

#[test]
fn an_admission_says_what_its_numbers_mean_even_after_they_have_been_given_away() {
    let d = Driver::new(Options::default());
    adopt(&d, config("1", vec![place("a"), place("b")]));
    let adm = d.arrive(&arrival(b"b"));
    assert_eq!((&*adm.target.placement, &*adm.target.url, adm.target.placement_index), ("b", "http://b:80", Some(1)));
    d.finish(adm.handle, Class::NONE, 200, true);
    adopt(&d, config("2", vec![place("c")]));
    assert_eq!(&*adm.target.url, "http://b:80");
    assert_eq!(&*d.arrive(&arrival(b"b")).target.url, "http://c:80");
}

/// Resolves as it stands, but for the first time: then a push comes between.
struct Slow<'a> {
    driver: &'a Driver,
    asked: AtomicUsize,
}

impl Resolver for Slow<'_> {
    fn resolve(&self, config: Option<&Arc<Config>>) -> Resolved<'_> {
        if self.asked.fetch_add(1, Ordering::SeqCst) == 0 {
            adopt(self.driver, self::config("2", vec![place("a"), place("b")]));
        }
        let key = if config.is_some_and(|c| c.version() == "2") { "b" } else { "a" };
        Resolved { key: Cow::Borrowed(key.as_bytes()), ..Resolved::default() }
    }
}

#[test]
fn a_request_that_a_push_overtakes_is_resolved_again() {
    let d = Driver::new(Options::default());
    adopt(&d, config("1", vec![place("a")]));
    let slow = Slow { driver: &d, asked: AtomicUsize::new(0) };
    let adm = d.arrive(&Arrival { id: [1, 2], resolver: Some(&slow), ..Arrival::default() });
    assert_eq!((slow.asked.load(Ordering::SeqCst), &*adm.target.placement), (2, "b"));
    assert_eq!(adm.in_force, d.in_force().epoch);
}

#[tokio::test]
async fn a_request_that_waits_hears_of_its_turn() {
    let d = Driver::new(Options::default());
    adopt(&d, config("1", vec![queueing(SECOND)]));
    let first = d.arrive(&arrival(b"a"));
    let mut second = d.arrive(&arrival(b"a"));
    assert_eq!((first.kind, second.kind), (DecisionKind::FORWARD, DecisionKind::QUEUED));
    let mut waiting = second.waiting.take().unwrap();
    d.finish(first.handle, Class::NONE, 200, true);
    let next = waiting.next(&arrival(b"a")).await;
    assert_eq!((next.kind, next.handle.slot), (DecisionKind::FORWARD, second.handle.slot));
    d.finish(next.handle, Class::NONE, 200, true);
    assert_eq!(d.view(|r| r.in_flight()), 0);
}

#[test]
fn whoever_gives_up_leaves_nothing_behind_even_if_he_was_forwarded_just_then() {
    let d = Driver::new(Options::default());
    adopt(&d, config("1", vec![queueing(SECOND)]));
    let first = d.arrive(&arrival(b"a"));
    for forwarded in [false, true] {
        let waits = d.arrive(&arrival(b"a"));
        assert_eq!(waits.kind, DecisionKind::QUEUED);
        if forwarded {
            d.finish(first.handle, Class::NONE, 200, true);
            assert_eq!(d.view(|r| r.in_flight()), 1, "it has the slot");
        }
        drop(waits);
        assert_eq!(d.view(|r| r.placement(0).queued), 0);
    }
    assert_eq!(d.view(|r| r.in_flight()), 0);
}

#[tokio::test]
async fn a_wait_that_is_over_ends_by_the_drivers_own_timer() {
    let d = Driver::new(Options::default());
    let running = tokio::spawn(d.clone().run());
    adopt(&d, config("1", vec![queueing(20 * MILLISECOND)]));
    let _first = d.arrive(&arrival(b"a"));
    let mut second = d.arrive(&arrival(b"a"));
    let next = second.waiting.take().unwrap().next(&arrival(b"a")).await;
    assert_eq!((next.kind, next.class), (DecisionKind::REJECT, Class::QUEUE_TIMEOUT));
    assert!(next.in_queue >= 20 * MILLISECOND, "{}", next.in_queue);
    d.close();
    running.await.unwrap();
}

#[tokio::test]
async fn a_push_matches_those_who_wait_again() {
    let d = Driver::new(Options::default());
    adopt(&d, config("1", vec![queueing(SECOND)]));
    let _first = d.arrive(&arrival(b"a"));
    let mut second = d.arrive(&arrival(b"a"));
    let mut b = place("b");
    b.endpoints[0].url = "http://b:80".into();
    let moved = Config::compile(&Spec {
        version: "2".into(),
        keys: vec![KeySpec { key: b"a".to_vec(), placement: "b".into() }],
        default: "b".into(),
        placements: vec![queueing(SECOND), b],
        ..Spec::default()
    });
    adopt(&d, moved.unwrap());
    let next = second.waiting.take().unwrap().next(&arrival(b"a")).await;
    assert_eq!((next.kind, &*next.target.placement), (DecisionKind::FORWARD, "b"));
}

#[tokio::test]
async fn sinks_are_told_in_order_and_what_was_decided_before_the_close_too() {
    let d = Driver::new(Options::default());
    let told = Arc::new(Mutex::new(Vec::new()));
    let all = told.clone();
    d.handle(move |x| all.lock().unwrap().push((x.kind, x.target.url.to_string())));
    adopt(&d, config("1", vec![place("a"), place("b")]));
    adopt(&d, config("2", vec![place("b")]));
    d.close();
    tokio::time::timeout(Duration::from_secs(10), d.clone().run()).await.unwrap();
    let told = told.lock().unwrap();
    let closed = told.iter().position(|x| *x == (DecisionKind::CLOSE_IDLE, "http://a:80".into()));
    let adopted: Vec<_> =
        told.iter().enumerate().filter(|(_, x)| x.0 == DecisionKind::NOTE_ADOPTED).map(|x| x.0).collect();
    assert_eq!(adopted.len(), 2, "{told:?}");
    assert!(closed.is_some_and(|c| c > adopted[0]), "{told:?}");
}

#[test]
fn a_driver_goes_on_with_the_state_and_the_time_of_its_predecessor() {
    let origin = std::time::SystemTime::now() - Duration::from_secs(100);
    let router = Router::new(CoreOptions { seed: 1, strict: false });
    let d = Driver::new(Options { router: Some((router, origin)), ..Options::default() });
    assert!(d.now() >= 100 * SECOND, "{}", d.now());
    assert_eq!(d.origin(), origin);
}

use super::*;
use crate::event::Method;
use crate::router::Options;
use crate::spec::{EndpointSpec, HealthSpec, PlacementSpec, Spec};
use alloc::sync::Arc;
use alloc::vec;

/// A router with one request in flight, in slot 0, that may be retried once.
fn flying(retries: RetrySpec) -> (Router, Arc<Config>) {
    let placement = PlacementSpec {
        name: "a".into(),
        endpoints: vec![EndpointSpec { url: "http://a".into(), ..EndpointSpec::default() }],
        health: HealthSpec { off: true, ..HealthSpec::default() },
        retries: RetrySpec { max: 1, ..retries },
        ..PlacementSpec::default()
    };
    let spec = Spec { version: "1".into(), default: "a".into(), placements: vec![placement], ..Spec::default() };
    let c = Config::compile(&spec).expect("it compiles");
    let mut r = Router::new(Options { seed: 1, strict: true });
    let mut out = Vec::new();
    r.step(0, &mut Event { kind: EventKind::ADOPT, config: Some(c.clone()), ..Event::default() }, &mut out);
    let route = c.match_key("somebody").0;
    r.step(1, &mut Event { kind: EventKind::ARRIVE, epoch: r.epoch(), route, ..Event::default() }, &mut out);
    (r, c)
}

/// The end of an attempt that nothing was sent of: what R11 retries whatever the method.
fn refused() -> Event {
    Event { kind: EventKind::FINISH, class: Class::CONNECT_REFUSED, replayable: true, ..Event::default() }
}

#[test]
fn a_retry_that_would_be_due_at_the_deadline_is_too_late() {
    let (mut r, c) = flying(RetrySpec::default());
    let due = r.may_retry(&c, 5, 0, &refused(), Class::CONNECT_REFUSED).expect("it may");
    r.journey_at_mut(0).deadline = due;
    assert_eq!(r.may_retry(&c, 5, 0, &refused(), Class::CONNECT_REFUSED), Err(RetryWhy::TooLate));
    r.journey_at_mut(0).deadline = due + 1;
    assert_eq!(r.may_retry(&c, 5, 0, &refused(), Class::CONNECT_REFUSED), Ok(due));
}

#[test]
fn a_retry_that_would_be_due_when_the_drain_ends_is_none() {
    let (mut r, c) = flying(RetrySpec::default());
    let due = r.may_retry(&c, 5, 0, &refused(), Class::CONNECT_REFUSED).expect("it may");
    for (deadline, want) in [(due, Err(RetryWhy::Drain)), (due + 1, Ok(due)), (NEVER, Err(RetryWhy::Drain))] {
        let mut drain = Event { kind: EventKind::DRAIN, deadline, ..Event::default() };
        r.step(5, &mut drain, &mut Vec::new());
        assert_eq!(r.may_retry(&c, 5, 0, &refused(), Class::CONNECT_REFUSED), want, "a drain until {deadline}");
    }
}

#[test]
fn the_first_reason_against_a_retry_is_the_one_given() {
    let (mut r, c) = flying(RetrySpec { retry_after: SECOND, ..RetrySpec::default() });
    r.journey_at_mut(0).method = Method::OTHER;
    let reset = Class::RESET_BEFORE_RESPONSE;
    let sent = Event { sent: true, ..refused() };
    for (ev, class, want) in [
        (Event { replayable: false, ..sent.clone() }, Class::BROKEN_BODY, RetryWhy::Class),
        (Event { replayable: false, ..sent.clone() }, reset, RetryWhy::Unsafe),
        (Event { replayable: false, ..refused() }, reset, RetryWhy::Body),
        (Event { retry_after: SECOND + 1, ..refused() }, reset, RetryWhy::TooLate),
        (Event { retry_after: i64::MAX, ..refused() }, reset, RetryWhy::TooLate),
    ] {
        assert_eq!(r.may_retry(&c, 5, 0, &ev, class), Err(want));
    }
    assert!(r.may_retry(&c, 5, 0, &Event { retry_after: SECOND, ..refused() }, reset).is_ok());
    r.journey_at_mut(0).attempts = 2;
    assert_eq!(r.may_retry(&c, 5, 0, &refused(), reset), Err(RetryWhy::Spent));
}

#[test]
fn the_floor_pays_a_debt_off_to_the_microsecond() {
    let s = RetrySpec { floor: 3, percent: 20, ..RetrySpec::default() };
    let b = BudgetState { own: 10, retrying: 0, debt: 2 * ONE_RETRY, at: 1000 };
    assert_eq!(b.limit(&s), 5 * ONE_RETRY);
    for (since, want) in [(0, 2 * ONE_RETRY), (999, 2 * ONE_RETRY), (1000, 2 * ONE_RETRY - 3), (SECOND, 0)] {
        assert_eq!(b.owed(1000 + since, &s), want, "after {since} ns");
    }
}

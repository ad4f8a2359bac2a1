//! The slot of an attempt is given back whatever becomes of its exchange.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use lockstep_core::{Class, DecisionKind};

use super::super::ticket::Ticket;
use super::rig::*;
use crate::driver::Arrival;

fn arrive(g: &Rig) -> crate::driver::Admission {
    let adm = g.driver.arrive(&Arrival { key: b"visa", id: [1, 2], ..Arrival::default() });
    assert_eq!((adm.kind, g.in_flight()), (DecisionKind::FORWARD, 1));
    adm
}

#[tokio::test]
async fn an_exchange_that_is_dropped_is_a_client_that_left() {
    let g = Rig::one("http://127.0.0.1:1").await;
    let adm = arrive(&g);
    drop(Ticket::new(&g.proxy, &adm));
    assert_eq!(g.ended().await, Ended { class: Class::CLIENT_GONE, status: 0, sent: false });
    assert_eq!(g.in_flight(), 0);
}

#[tokio::test]
async fn a_panic_frees_the_slot_as_our_own_fault() {
    let g = Rig::one("http://127.0.0.1:1").await;
    let adm = arrive(&g);
    let handler = AssertUnwindSafe(async {
        let mut ticket = Ticket::new(&g.proxy, &adm);
        ticket.sent = true;
        tokio::task::yield_now().await;
        panic!("a handler's bug");
    });
    assert!(handler.catch_unwind().await.is_err());
    assert_eq!(g.ended().await, Ended { class: Class::INTERNAL, status: 0, sent: true });
    assert_eq!(g.in_flight(), 0);
}

#[tokio::test]
async fn a_finish_is_booked_once() {
    let g = Rig::one("http://127.0.0.1:1").await;
    let adm = arrive(&g);
    let mut ticket = Ticket::new(&g.proxy, &adm);
    ticket.status = 200;
    ticket.finish(Class::NONE, false);
    ticket.finish(Class::BROKEN_BODY, false);
    drop(ticket);
    assert_eq!(g.spy.ended(), [Ended { class: Class::NONE, status: 200, sent: false }]);
}

#[tokio::test]
async fn an_abort_that_comes_before_its_exchange_cuts_it_all_the_same() {
    let g = Rig::one("http://127.0.0.1:1").await;
    let adm = arrive(&g);
    g.driver.drain(g.driver.now());
    until("the attempt is aborted", || g.driver.view(|r| r.deadline() == lockstep_core::NEVER).then_some(())).await;
    let ticket = Ticket::new(&g.proxy, &adm);
    assert_eq!(ticket.cut.severed().await, Class::DRAINING);
}

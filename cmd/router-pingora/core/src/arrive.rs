//! Admission (R1-R5): evaluate first, commit last. Evaluation reads the state and fills a
//! verdict; only a verdict to forward changes anything (R2).

use crate::decision::Decision;
use crate::event::Event;
use crate::router::Router;
use crate::time::Time;
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

impl Router {
    pub(crate) fn arrive(&mut self, _now: Time, _ev: &mut Event, _out: &mut Vec<Decision>) {}
}

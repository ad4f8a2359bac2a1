//! Active probes (R8): when they are sent, and what their reports do.

use crate::decision::Decision;
use crate::event::Event;
use crate::router::Router;
use crate::time::Time;
use alloc::vec::Vec;

impl Router {
    pub(crate) fn start_probe(&mut self, _at: Time, _now: Time, _number: i32, _out: &mut Vec<Decision>) {}

    pub(crate) fn probed(&mut self, _now: Time, _ev: &mut Event, _out: &mut Vec<Decision>) {}

    pub(crate) fn health_guard(&mut self, _at: Time, _number: i32, _out: &mut Vec<Decision>) {}
}

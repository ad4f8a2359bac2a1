//! Drain (R14): nothing new is admitted; at the deadline what is left is aborted.

use crate::decision::Decision;
use crate::event::Event;
use crate::router::Router;
use crate::time::Time;
use alloc::vec::Vec;

impl Router {
    pub(crate) fn drain(&mut self, _now: Time, _ev: &mut Event, _out: &mut Vec<Decision>) {}

    pub(crate) fn abort_batch(&mut self, _at: Time, _now: Time, _out: &mut Vec<Decision>) {}
}

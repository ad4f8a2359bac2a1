//! Outcomes (R6, R7): what the end of an attempt says about its endpoint. A request books one
//! outcome, at Finish or, when its body outlives settle, at Reply; after a Reply at most one
//! broken body more.

use crate::decision::Decision;
use crate::event::Event;
use crate::router::Router;
use crate::time::Time;
use alloc::vec::Vec;

impl Router {
    pub(crate) fn reply(&mut self, _now: Time, _ev: &mut Event, _out: &mut Vec<Decision>) {}

    pub(crate) fn finish(&mut self, _now: Time, _ev: &mut Event, _out: &mut Vec<Decision>) {}

    pub(crate) fn breaker_guard(&mut self, _at: Time, _number: i32, _out: &mut Vec<Decision>) {}
}

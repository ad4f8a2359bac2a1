//! Adoption (R12): between two events, all or nothing. Identity alone, which is placement and
//! URL, decides what state survives.

use crate::decision::Decision;
use crate::event::Event;
use crate::router::Router;
use crate::time::Time;
use alloc::vec::Vec;

pub(crate) use crate::numbering::{Ident, Numbering};

impl Router {
    pub(crate) fn adopt(&mut self, _now: Time, _ev: &mut Event, _out: &mut Vec<Decision>) {}
}

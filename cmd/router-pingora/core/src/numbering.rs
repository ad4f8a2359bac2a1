//! Numbers: how indexes of the current configuration map to the numbers of the state.

use crate::config::Config;
use crate::router::grow_to;
use alloc::vec::Vec;

/// Maps indexes of the current `Config` to the numbers of the state.
#[derive(Clone, Default)]
pub(crate) struct Numbering {
    pub(crate) placement: Vec<i32>,
    pub(crate) endpoint: Vec<i32>,
}

impl Numbering {
    pub(crate) fn reserve(&mut self, c: &Config) {
        grow_to(&mut self.placement, c.placements.len());
        grow_to(&mut self.endpoint, c.endpoints.len());
    }
}

/// Joins an identity to its number.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Ident {
    pub(crate) id: u64,
    pub(crate) number: i32,
}

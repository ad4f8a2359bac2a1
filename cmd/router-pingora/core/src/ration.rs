//! Rationing of what is left in a placement (R5): lower priorities are shed as it fills, and a
//! tenant may hold no more slots than a multiple of those that are still free. Both are asked of
//! the request's pool: where guests are capped, those at home share what the cap leaves and
//! guests share the cap, so that guests move nothing for those at home (R15).

use alloc::vec::Vec;

/// How many priorities there are; 0 is the most critical. A larger number in an Arrive counts as
/// the last.
pub const MAX_PRIORITIES: usize = 8;

/// Counts the attempts of each tenant of a placement: a hash table of buckets that never moves
/// what it holds. A tenant whose bucket is full is not counted, and so never refused for its
/// share. Empty counts nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenants(pub(crate) Vec<TenantCell>);

#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct TenantCell {
    /// 0 for a free cell.
    pub(crate) id: u64,
    pub(crate) in_flight: i32,
}

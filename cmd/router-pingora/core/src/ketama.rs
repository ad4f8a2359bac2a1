//! Ketama (R10): nginx's `hash $key consistent` and Pingora's ring.

/// One point; `at` is the endpoint's place in its placement.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct RingPoint {
    pub(crate) hash: u32,
    pub(crate) at: i32,
}

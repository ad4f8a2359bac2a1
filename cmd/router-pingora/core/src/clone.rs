//! Copies of a router.

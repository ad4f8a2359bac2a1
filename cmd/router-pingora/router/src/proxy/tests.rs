//! The request path against loopback origins: every row of the error mapping that can be provoked, and
//! what BASELINE says of headers, bodies and connections.

mod bodies;
mod faults;
mod requests;
mod rig;
mod slots;
mod waits;

//! The decision machine of Lockstep: `core/SPEC.md` in Rust, file by file beside `core/*.go`.
//!
//! A pure function from (state, time, event) to decisions. It has no clock, thread, IO, hash
//! map, float or static variable; `tests/purity.rs` holds it to that. R numbers in comments are
//! the rules of SPEC.md.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod adaptive;
mod adopt;
mod arrive;
mod breaker;
mod candidates;
mod choice;
mod class;
mod clone;
mod compile;
mod compile_choice;
mod compile_room;
mod compile_waits;
mod config;
mod config_hash;
mod deadlines;
mod decision;
mod digest;
mod drain;
mod event;
mod extra;
mod guard;
mod health;
mod inflight;
mod invariant;
mod journey;
mod ketama;
mod keytable;
mod maglev;
mod names;
mod nearest;
mod numbering;
mod outcome;
mod panic;
mod preset;
mod probe;
mod queue;
mod random;
mod ration;
mod retry;
mod router;
mod routes;
mod selection;
mod snapshot;
mod snapshot_read;
mod snapshot_room;
mod snapshot_waits;
mod spec;
mod succeed;
mod time;
mod view;
mod view_room;
mod view_waits;
mod window;

pub use adaptive::AdaptiveSpec;
pub use arrive::Block;
pub use class::{CLASSES, Class, ClassRow, Effect, RetryRule};
pub use compile::{CompileError, SpecError};
pub use config::{Config, EndpointInfo, PlacementInfo, Route};
pub use decision::{Cause, Circuit, Decision, DecisionKind, Failover, Reason, Trip};
pub use event::{Epoch, Event, EventKind, Fault, Handle, Method, Origin};
pub use guard::{Change, GuardSpec, compare};
pub use inflight::MAX_IN_FLIGHT;
pub use journey::MAX_RETRIES;
pub use nearest::nearest;
pub use panic::PanicMode;
pub use queue::{MAX_QUEUE, QueueOrder};
pub use random::{hash_string, request_hash};
pub use ration::MAX_PRIORITIES;
pub use retry::{RetryMethods, RetryOn, RetrySpec, RetryWhy};
pub use router::{Counters, Options, Router};
pub use routes::{
    MAX_ROUTES, MAX_SPLITS, MAX_TABLES, Part, PartSpec, RouteInfo, RouteSpec, SplitSpec, TableSpec, percent,
};
pub use snapshot_read::{RestoreError, snapshot_config};
pub use spec::*;
pub use time::{Duration, MAX_DURATION, MICROSECOND, MILLISECOND, NEVER, SECOND, Time, add, sub};
pub use view::{Attempt, ChoiceView, EndpointView, PlacementView};
pub use view_room::RoomView;
pub use view_waits::{Budget, Journey};

//! The configuration forms of Lockstep: both baseline forms and the native YAML. They turn a file
//! into core's `Spec` and the settings that the edge needs, and know for every value the file, line
//! and column that it came from, so that each fault is shown where it can be mended. The Go side
//! (adapters/configfile, adapters/settings, adapters/routing) reads the same files to the same
//! digests. Deciding what a valid Spec means is core's work, not this crate's.
#![forbid(unsafe_code)]

mod baseline;
mod decode;
mod file;
mod form;
mod gotext;
mod include;
mod json;
mod keys;
mod label;
mod load;
mod lower;
mod node;
mod problem;
pub mod routing;
pub mod settings;
mod tables;
mod units;
mod unsupported;
mod whereis;
mod yaml;

pub use file::{ControlPlane, DEFAULT_SOAK, Facts, File, Form, LoadError};
pub use lower::discover::Discovery;
pub use problem::{Position, Problem, Problems};
pub use units::{Prefix, Range};
pub use unsupported::check_supported;

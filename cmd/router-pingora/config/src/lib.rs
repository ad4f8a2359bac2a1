//! The configuration forms of Lockstep: both baseline forms and the native YAML.
#![forbid(unsafe_code)]

mod json;
mod node;
mod problem;
mod yaml;

pub use problem::{Position, Problem, Problems};

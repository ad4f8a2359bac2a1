//! The configuration forms of Lockstep: both baseline forms and the native YAML.
#![forbid(unsafe_code)]

//! Compile: from names to numbers, with everything that is wrong said at once.

use crate::config::Config;
use crate::spec::Spec;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

/// One thing wrong with a Spec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpecError {
    /// Where, in the names of the native form: placements.cell-07.fallback[1].
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// How to mend it; "" for no advice.
    pub hint: String,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// Everything wrong with a Spec, in the order found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CompileError {
    /// Each thing, at least one, at most a hundred.
    pub errors: Vec<SpecError>,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.errors.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            e.fmt(f)?;
        }
        Ok(())
    }
}

impl core::error::Error for CompileError {}
impl core::error::Error for SpecError {}

impl Config {
    /// Validates `s` and turns it into a `Config`. The error names every fault found, not only the
    /// first.
    pub fn compile(_s: &Spec) -> Result<Arc<Config>, CompileError> {
        Err(CompileError::default())
    }
}

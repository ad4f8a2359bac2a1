//! The configurations that a trace embeds.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockstep_core::{Config, Spec};

/// Configurations by digest.
#[derive(Default)]
pub(crate) struct Configs {
    by_digest: BTreeMap<u64, Arc<Config>>,
    /// Whether one may be stated under digest 0, which asks what it compiles to.
    pub unstated: bool,
}

/// Bounds what a hostile file can make a reader keep.
const LIMIT: usize = 1 << 16;

impl Configs {
    pub fn get(&self, digest: u64) -> Option<&Arc<Config>> {
        self.by_digest.get(&digest)
    }

    pub fn insert(&mut self, c: &Arc<Config>) {
        self.by_digest.insert(c.digest(), Arc::clone(c));
    }

    /// Compiles an embedded configuration and checks its digest.
    pub fn add(&mut self, digest: u64, spec: &Spec) -> Result<Arc<Config>, String> {
        if let Some(c) = self.get(digest) {
            return Ok(Arc::clone(c));
        }
        let c = Config::compile(spec).map_err(|e| format!("configuration {digest:016x} does not compile: {e}"))?;
        if c.digest() != digest && !(self.unstated && digest == 0) {
            return Err(format!(
                "configuration {digest:016x} compiles to {:016x}: it was changed, or written under other rules",
                c.digest()
            ));
        }
        if self.by_digest.len() >= LIMIT {
            return Err(format!("there are more than {LIMIT} configurations"));
        }
        self.insert(&c);
        Ok(c)
    }
}

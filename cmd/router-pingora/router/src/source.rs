//! Where a router's configuration comes from, as cmd/lockstep/source.go: files and pushed texts.

use std::fmt;
use std::sync::Arc;

use lockstep_config::{File, LoadError};
use lockstep_core::Config;

use crate::{proxy, say};

/// Why a configuration is not served.
#[derive(Debug)]
pub enum Refusal {
    /// The file could not be read: nothing is known about it.
    Unread(String),
    /// Its content is at fault; every fault with its file, line and column.
    Faulty(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Unread(text) | Refusal::Faulty(text) => f.write_str(text),
        }
    }
}

impl From<Refusal> for String {
    fn from(why: Refusal) -> String {
        why.to_string()
    }
}

/// Reads and compiles the configuration at a path, whether this router can serve it or not.
pub fn read(path: &str) -> Result<(File, Arc<Config>), Refusal> {
    let file = File::load(path).map_err(|e| match e {
        LoadError::Io(..) => Refusal::Unread(e.to_string()),
        LoadError::Content(_) => Refusal::Faulty(e.to_string()),
    })?;
    let config = file.compile().map_err(|e| Refusal::Faulty(e.to_string()))?;
    Ok((file, config))
}

/// Is `read` for what is to be served: warnings go to the log, and what this router does not support
/// is refused at its place.
pub fn load(path: &str) -> Result<(File, Arc<Config>), Refusal> {
    let (file, config) = read(path)?;
    supported(&file, &config).map_err(Refusal::Faulty)?;
    for w in &file.warnings.0 {
        say!(Warn, format!("configuration: {}", w.what), "at" = w.at, "hint" = w.hint);
    }
    Ok((file, config))
}

/// Compiles what a control plane pushed, or a copy of it.
pub fn parse(name: &str, body: &[u8]) -> Result<Arc<Config>, String> {
    let file = File::parse(name, body).map_err(|e| e.to_string())?;
    let config = file.compile().map_err(|e| e.to_string())?;
    supported(&file, &config)?;
    Ok(config)
}

fn supported(file: &File, config: &Arc<Config>) -> Result<(), String> {
    let unsupported = file.unsupported();
    if !unsupported.0.is_empty() {
        return Err(unsupported.to_string());
    }
    proxy::check(config).map_err(|e| format!("{}: {e}", file.path))
}

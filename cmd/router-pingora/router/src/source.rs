//! Where a router's configuration comes from, as cmd/lockstep/source.go: files and pushed texts.

use std::sync::Arc;

use lockstep_config::File;
use lockstep_core::Config;

use crate::{proxy, say};

/// Reads and compiles the configuration at a path, whether this router can serve it or not. The error
/// shows every fault with its file, line and column.
pub fn read(path: &str) -> Result<(File, Arc<Config>), String> {
    let file = File::load(path).map_err(|e| e.to_string())?;
    let config = file.compile().map_err(|e| e.to_string())?;
    Ok((file, config))
}

/// Is `read` for what is to be served: warnings go to the log, and what this router does not support
/// is refused at its place.
pub fn load(path: &str) -> Result<(File, Arc<Config>), String> {
    let (file, config) = read(path)?;
    supported(&file, &config)?;
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

//! Where a router's configuration comes from, as cmd/lockstep/source.go: files and pushed texts.

use std::sync::Arc;

use lockstep_config::File;
use lockstep_core::Config;

use crate::{proxy, say};

/// Reads and compiles the configuration at a path; warnings go to the log. The error shows every
/// fault with its file, line and column, and so does what this router does not support.
pub fn load(path: &str) -> Result<(File, Arc<Config>), String> {
    let file = File::load(path).map_err(|e| e.to_string())?;
    let config = compile(&file)?;
    for w in &file.warnings.0 {
        say!(Warn, format!("configuration: {}", w.what), "at" = w.at, "hint" = w.hint);
    }
    Ok((file, config))
}

/// Compiles what a control plane pushed, or a copy of it.
pub fn parse(name: &str, body: &[u8]) -> Result<Arc<Config>, String> {
    compile(&File::parse(name, body).map_err(|e| e.to_string())?)
}

/// Compiles, and refuses what this router does not support, at its place.
fn compile(file: &File) -> Result<Arc<Config>, String> {
    let config = file.compile().map_err(|e| e.to_string())?;
    let unsupported = file.unsupported();
    if !unsupported.0.is_empty() {
        return Err(unsupported.to_string());
    }
    proxy::check(&config)?;
    Ok(config)
}

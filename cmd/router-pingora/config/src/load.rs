//! From bytes to a File: which form it is, and the canonical order of what it says.

use crate::decode::Decoder;
use crate::file::{File, Form};
use crate::json;
use crate::keys::KeyList;
use crate::label;
use crate::node::{Kind, Node};
use crate::problem::{Fault, Place, Problems, Source};
use crate::tables::TenantList;
use crate::yaml;
use lockstep_core::TableSpec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Turns one file, and what it includes, into a File.
pub(crate) struct Loader<'a> {
    pub(crate) d: Decoder,
    pub(crate) file: File,
    /// The file beside which includes are looked for; "" when they may not be read.
    pub(crate) from: &'a str,
    pub(crate) keys: KeyList,
    /// Those of tables, and of CSVs that name one.
    pub(crate) tables: Vec<KeyList>,
    /// Where each split is first written.
    pub(crate) splits: BTreeMap<String, Place>,
    /// Tenants as CSV, read after the keys in YAML.
    pub(crate) lists: Vec<TenantList>,
}

pub(crate) fn load(path: &str, from: &str, data: &[u8]) -> Result<File, Problems> {
    let src = source(path, data)?;
    let mut l = Loader {
        d: Decoder::default(),
        file: File { path: path.into(), sources: vec![path.into()], watch: vec![path.into()], ..File::default() },
        from,
        keys: KeyList::default(),
        tables: Vec::new(),
        splits: BTreeMap::new(),
        lists: Vec::new(),
    };
    let (form, root) = sniff(&src)?;
    l.file.form = form;
    if form == Form::Native {
        l.native(&root);
    } else {
        l.d.lenient = true;
        l.baseline(&root);
    }
    l.d.done()?;
    Ok(l.finish())
}

/// The text of a file. What is not UTF-8 becomes U+FFFD in JSON, byte by byte as in Go, and is
/// refused in YAML.
fn source(path: &str, data: &[u8]) -> Result<Arc<Source>, Fault> {
    let mut text = String::with_capacity(data.len());
    let mut rest = data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data);
    let like_json = rest.trim_ascii_start().starts_with(b"{");
    while !rest.is_empty() {
        match std::str::from_utf8(rest) {
            Ok(sound) => {
                text.push_str(sound);
                break;
            }
            Err(e) if like_json => {
                let (sound, bad) = rest.split_at(e.valid_up_to());
                text.push_str(std::str::from_utf8(sound).unwrap_or(""));
                text.push('\u{fffd}');
                rest = &bad[1..];
            }
            Err(_) => {
                let src = Arc::new(Source { name: path.into(), text: String::new() });
                return Err(Place::whole(&src).fault("the file is not UTF-8 text", "save it as UTF-8"));
            }
        }
    }
    Ok(Arc::new(Source { name: path.into(), text }))
}

/// Tells the form by content and parses it.
fn sniff(src: &Arc<Source>) -> Result<(Form, Arc<Node>), Fault> {
    let is_json = json::valid(&src.text);
    let like_baseline = src.text.trim_start().starts_with('{')
        && (src.text.contains("\"routingTable\"") || src.text.contains("\"cellEndpoints\""));
    let root = if is_json || like_baseline { json::read(src)? } else { yaml::read(src)? };
    let has = |key: &str| root.get(key).is_some();
    if root.kind != Kind::Mapping {
        let what = format!("the file holds {}, not a map of settings", root.kind.name());
        return Err(root.at.fault(what, "begin it with: lockstep: 1"));
    }
    if has("lockstep") {
        return Ok((Form::Native, root));
    }
    if let (false, Some(table)) = (is_json, root.get("routingTable")) {
        return Err(table.at.fault(
            "the baseline's forms are JSON, and this is not",
            "write it as JSON, or in the native form with lockstep: 1",
        ));
    }
    if has("cellEndpoints") && !has("placements") {
        return Ok((Form::Baseline1, root));
    }
    if is_json && (has("placements") || has("routingTable") || has("defaultPlacement")) {
        return Ok((Form::Baseline2, root));
    }
    Err(root.at.fault(
        "this is none of the three forms of a configuration",
        "begin a native file with lockstep: 1; a baseline file has routingTable and cellEndpoints or placements",
    ))
}

impl Loader<'_> {
    /// Puts the Spec in its canonical order and labels it.
    fn finish(mut self) -> File {
        let mut f = self.file;
        f.spec.placements.sort_by(|a, b| a.name.cmp(&b.name));
        f.spec.keys.clone_from(&self.keys.specs);
        self.tables.sort_by(|a, b| a.name.cmp(&b.name));
        for t in &self.tables {
            f.spec.tables.push(TableSpec { name: t.name.clone(), keys: t.specs.clone() });
        }
        f.keys = self.keys;
        f.tables = self.tables;
        f.splits = self.splits;
        f.warnings = Problems(self.d.warnings);
        if f.form == Form::Native && f.spec.version.is_empty() {
            f.labelled = true;
            f.spec.version = label::label(&f.spec);
        }
        f
    }
}

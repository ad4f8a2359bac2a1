//! Key tables beside keys, and keys that are divided between placements.

use crate::form::NativeFile;
use crate::form::routes::Route;
use crate::gotext::quote;
use crate::keys::KeyList;
use crate::load::Loader;
use crate::node::{Kind, Node};
use crate::problem::{Place, Source};
use crate::units::share;
use lockstep_core::{PartSpec, SplitSpec, percent};
use std::path::Path;
use std::sync::Arc;

/// One CSV and the table that it belongs to, "" for keys.
pub(crate) struct TenantList {
    pub(crate) src: Arc<Source>,
    pub(crate) data: Vec<u8>,
    pub(crate) table: String,
    /// Where the include is written.
    pub(crate) at: Place,
}

/// How a route may name the table at the top.
pub(crate) const THE_KEYS: &str = "keys";

impl Loader<'_> {
    /// Takes out the list of a table, a new one the first time; `put` brings it back.
    fn take(&mut self, name: &str, at: &Place) -> KeyList {
        if name.is_empty() {
            return std::mem::take(&mut self.keys);
        }
        if name == THE_KEYS {
            let what = format!("{} is the name of the table at the top", quote(name));
            self.d.fail(at, what, "give this one another name");
        }
        match self.tables.iter().position(|t| t.name == name) {
            Some(i) => self.tables.swap_remove(i),
            None => KeyList::named(name, at),
        }
    }

    fn put(&mut self, list: KeyList) {
        if list.name.is_empty() {
            self.keys = list;
        } else {
            self.tables.push(list);
        }
    }

    /// Reads every table, what is written in YAML first.
    pub(crate) fn all_keys(&mut self, form: &NativeFile) {
        if let Some(n) = &form.keys.0 {
            let mut list = self.take("", &Place::default());
            self.inline_keys(n, &mut list);
            self.put(list);
        }
        if let Some(n) = &form.tables.0
            && self.d.want(n, Kind::Mapping)
        {
            for e in &n.entries {
                let mut list = self.take(&e.key, &e.at);
                self.inline_keys(&e.value, &mut list);
                self.put(list);
            }
        }
        for mut csv in std::mem::take(&mut self.lists) {
            let folder = Path::new(&csv.src.name).parent().and_then(Path::file_name).and_then(|f| f.to_str());
            if let Some(folder) = folder
                && csv.table.is_empty()
                && asked(folder, &form.routes)
            {
                csv.table = folder.into();
            }
            let mut list = self.take(&csv.table, &csv.at);
            self.tenants(&csv.src, &csv.data, &mut list);
            self.put(list);
        }
        self.keys.settle(&mut self.d);
        self.tables.sort_by(|a, b| a.name.cmp(&b.name));
        for t in &mut self.tables {
            t.settle(&mut self.d);
        }
    }

    /// Reads {cell-07: 95%, cell-12: 5%} and returns the split's name.
    pub(crate) fn inline_split(&mut self, n: &Node) -> String {
        self.d.duplicates(n);
        let mut parts = Vec::new();
        let mut words = Vec::new();
        for e in &n.entries {
            let mut p = PartSpec { placement: e.key.clone(), share: 0 };
            if self.d.want(&e.value, Kind::Scalar) {
                self.part(&mut p, &e.value.text, &e.value.at);
            }
            words.extend([p.placement.clone(), percent(p.share)]);
            parts.push(p);
        }
        let name = words.join(" ");
        if !self.splits.contains_key(&name) {
            self.name_split(&name, parts, &n.at);
        }
        name
    }

    /// Reads cell-07 95% cell-12 5%, the form of a CSV, which is also the split's name.
    pub(crate) fn written_split(&mut self, text: &str, at: &Place) {
        if self.splits.contains_key(text) {
            return;
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        if !words.len().is_multiple_of(2) {
            self.d.fail(
                at,
                "this is not a placement, nor placements with their shares",
                "write cell-07, or cell-07 95% cell-12 5%",
            );
            return;
        }
        let mut parts = Vec::new();
        for pair in words.chunks(2) {
            let mut p = PartSpec { placement: pair[0].into(), share: 0 };
            self.part(&mut p, pair[1], at);
            parts.push(p);
        }
        self.name_split(text, parts, at);
    }

    fn part(&mut self, p: &mut PartSpec, text: &str, at: &Place) {
        match share(text) {
            Ok(s) => p.share = s,
            Err(m) => self.d.fail(at, m.what, m.hint),
        }
    }

    fn name_split(&mut self, name: &str, parts: Vec<PartSpec>, at: &Place) {
        self.splits.insert(name.into(), at.clone());
        self.file.spec.splits.push(SplitSpec { name: name.into(), parts });
    }
}

/// Whether a route asks a table of that name, other than keys.
fn asked(table: &str, routes: &[Route]) -> bool {
    table != THE_KEYS && routes.iter().any(|r| r.table == table)
}

//! What a configuration includes, read and laid beside it.

use crate::decode::Decoder;
use crate::form::IncludeItem;
use crate::gotext::quote;
use crate::load::Loader;
use crate::node::{Entry, Kind, Node};
use crate::problem::{Place, Source};
use crate::tables::TenantList;
use crate::yaml;
use glob::{MatchOptions, glob_with};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Bounds the files that one configuration may consist of.
const MAX_INCLUDES: usize = 10_000;

impl Loader<'_> {
    /// Reads what `root` includes and returns root with it laid in. Tables of names (placements,
    /// profiles, keys) grow together; anything else may be written in one file only.
    pub(crate) fn includes(&mut self, root: &Arc<Node>) -> Arc<Node> {
        let mut out = root.clone();
        let Some(list) = root.value("include").filter(|l| l.kind == Kind::Sequence) else { return out };
        for item in &list.items {
            let (mut table, mut item) = (String::new(), item);
            if item.kind == Kind::Mapping {
                let v: IncludeItem = Decoder::default().decode(item); // its faults are reported later
                let Some(csv) = item.value("csv").filter(|_| !v.table.is_empty()) else { continue };
                (table, item) = (v.table, csv);
            }
            if item.kind != Kind::Scalar {
                continue; // the decoder reports it
            }
            if self.from.is_empty() {
                self.d.fail(
                    &item.at,
                    "a configuration that is not a file on disk cannot include others",
                    "push one whole configuration",
                );
                continue;
            }
            out = self.include(out, item, &table);
        }
        out
    }

    fn include(&mut self, mut root: Arc<Node>, item: &Node, table: &str) -> Arc<Node> {
        let pattern = beside(self.from, &item.text);
        self.file.watch.push(pattern.clone());
        let options =
            MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };
        // In a pattern of Go ** is the same as *.
        let mut single = pattern.clone();
        while single.contains("**") {
            single = single.replace("**", "*");
        }
        let paths: Vec<String> = match glob_with(&single, options) {
            Ok(found) => found.flatten().filter_map(|p| p.to_str().map(str::to_owned)).collect(),
            Err(_) => {
                let what = format!("{} is not a pattern", quote(&item.text));
                self.d.fail(&item.at, what, "use * for any part of a name and close every [");
                return root;
            }
        };
        if paths.is_empty() {
            let what = format!("{} matches no file", quote(&item.text));
            self.d.fail(&item.at, what, format!("it is looked for beside {}", self.from));
        }
        for path in paths {
            if self.file.sources.contains(&path) {
                continue; // matched by two patterns, read once
            }
            if self.file.sources.len() >= MAX_INCLUDES {
                let what = format!("more than {MAX_INCLUDES} files are included");
                self.d.fail(&item.at, what, "join some of them");
                return root;
            }
            root = self.include_file(root, item, path, table);
        }
        root
    }

    fn include_file(&mut self, root: Arc<Node>, item: &Node, path: String, table: &str) -> Arc<Node> {
        let data = match std::fs::read(&path) {
            Ok(data) => data,
            Err(e) => {
                let what = format!("an included file cannot be read: open {path}: {e}");
                self.d.fail(&item.at, what, "mend its permissions, or include another");
                return root;
            }
        };
        let utf8 = std::str::from_utf8(&data).is_ok();
        let text = String::from_utf8_lossy(&data).into_owned();
        let src = Arc::new(Source { name: path.clone(), text });
        self.file.sources.push(path.clone());
        if path.ends_with(".csv") {
            self.lists.push(TenantList { src, data, table: table.into(), at: item.at.clone() });
            return root;
        }
        if !table.is_empty() {
            self.d.fail(&item.at, format!("{path} is not a CSV"), "name only files that end in .csv for a table");
            return root;
        }
        if !utf8 {
            self.d.report(Place::whole(&src).problem("the file is not UTF-8 text", "save it as UTF-8"));
            return root;
        }
        match yaml::read(&src) {
            Ok(n) if self.d.want(&n, Kind::Mapping) => self.join(&root, &n),
            Ok(_) => root,
            Err(fault) => {
                self.d.report(*fault);
                root
            }
        }
    }

    /// Lays the top level of an included file beside that of the main one.
    fn join(&mut self, root: &Node, n: &Node) -> Arc<Node> {
        let mut out =
            Node { at: root.at.clone(), kind: Kind::Mapping, entries: root.entries.clone(), ..Node::default() };
        for e in &n.entries {
            if e.key == "include" {
                let hint = format!("list every file in {}", self.file.path);
                self.d.fail(&e.at, "an included file cannot include others", hint);
                continue;
            }
            if e.key == "lockstep" && e.value.is_word("1") {
                continue;
            }
            let Some(first) = out.entries.iter_mut().rev().find(|f| f.key == e.key) else {
                out.entries.push(e.clone());
                continue;
            };
            let tables = first.value.kind == Kind::Mapping && e.value.kind == Kind::Mapping;
            if tables && matches!(e.key.as_str(), "placements" | "profiles" | "keys" | "tables") {
                let entries: Vec<Entry> = [&first.value.entries[..], &e.value.entries[..]].concat();
                first.value =
                    Arc::new(Node { at: first.value.at.clone(), kind: Kind::Mapping, entries, ..Node::default() });
            } else {
                self.d.twice(&e.key, &first.at, &e.at);
            }
        }
        Arc::new(out)
    }
}

/// A path beside the file `from`, cleaned; an absolute one stays as it is.
pub(crate) fn beside(from: &str, path: &str) -> String {
    if Path::new(path).is_absolute() {
        return path.to_owned();
    }
    let joined = Path::new(from).parent().unwrap_or(Path::new("")).join(path);
    let mut out = PathBuf::new();
    for c in joined.components() {
        match c {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            Component::ParentDir if out.has_root() => {}
            c => out.push(c),
        }
    }
    let text = out.to_string_lossy().into_owned();
    if text.is_empty() { ".".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn includes_are_looked_for_beside_the_file() {
        for (from, path, want) in [
            ("a/b.yaml", "t/*.csv", "a/t/*.csv"),
            ("b.yaml", "t.csv", "t.csv"),
            ("./a/b.yaml", "../c", "c"),
            ("../b.yaml", "../c", "../../c"),
            ("a/b", "/x/../y", "/x/../y"),
        ] {
            assert_eq!(beside(from, path), want);
        }
    }
}

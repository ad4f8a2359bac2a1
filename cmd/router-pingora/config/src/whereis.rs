//! The place in the files that a setting comes from, through defaults, profiles and includes.

use crate::baseline::baseline_path;
use crate::file::{File, Form};
use crate::node::{Entry, Kind, Node};
use crate::problem::{Place, Position, Problem};
use std::borrow::Cow;

impl File {
    /// The place of a setting. `path` is in the names of the native form, whatever the form of the
    /// file: placements.cell-07.limit.guests, placements.cell-07.fallback\[1\], keys.nordbank. When
    /// the setting is not written, the flag is false and the position that of the nearest thing
    /// around it.
    pub fn find(&self, path: &str) -> (Position, bool) {
        let (at, ok) = self.place(path);
        (at.position(), ok)
    }

    /// A problem at a setting's place, for those who find one that the file alone does not show.
    pub fn problem_at(&self, path: &str, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        self.place(path).0.problem(what, hint)
    }

    pub(crate) fn place(&self, path: &str) -> (Place, bool) {
        if let Some(i) = path.strip_prefix("keys.").and_then(|key| self.keys.find(key)) {
            return (self.keys.place(i), true);
        }
        if let Some(at) = self.table_place(path) {
            return (at, true);
        }
        let local = self.local(path);
        let (mut at, mut n, mut rest) = (self.root.at.clone(), &*self.root, &*local);
        while !rest.is_empty() {
            let Some((value, of_key, next)) = step(n, rest) else {
                return (at, n.is_word("none")); // limit: none is where limit.in_flight comes from
            };
            (n, rest) = (value, next);
            at = if n.kind == Kind::Scalar { n.at.clone() } else { of_key.clone() };
        }
        (at, true)
    }

    /// Finds tables.NAME.KEY and splits.NAME.PLACEMENT: names and keys may hold dots.
    fn table_place(&self, path: &str) -> Option<Place> {
        if let Some(rest) = path.strip_prefix("tables.") {
            for t in &self.tables {
                match rest.strip_prefix(t.name.as_str()) {
                    Some("") => return Some(t.at.clone()),
                    Some(tail) => {
                        if let Some(i) = tail.strip_prefix('.').and_then(|key| t.find(key)) {
                            return Some(t.place(i));
                        }
                    }
                    None => {}
                }
            }
        }
        let rest = path.strip_prefix("splits.")?;
        let fits = |name: &str| rest.strip_prefix(name).is_some_and(|tail| tail.is_empty() || tail.starts_with('.'));
        self.splits.iter().find(|(name, _)| fits(name)).map(|(_, at)| at.clone())
    }

    /// Turns a path in the names that core uses into one in the names of this file.
    pub(crate) fn local<'a>(&self, path: &'a str) -> Cow<'a, str> {
        if self.form != Form::Native {
            return baseline_path(path, &self.root);
        }
        match path {
            "default" | "unknown_key.to" => "routes[0].unknown_key.to".into(),
            "unknown_key.reject" | "table" => format!("routes[0].{path}").into(),
            "no_route.reject" => format!("routing.{path}").into(),
            _ => path.into(),
        }
    }
}

/// Follows the first part of `path`: a name, or \[i\] for the i-th item or entry.
fn step<'a, 'p>(n: &'a Node, path: &'p str) -> Option<(&'a Node, &'a Place, &'p str)> {
    if let Some(inner) = path.strip_prefix('[') {
        let (number, rest) = inner.split_once(']').unwrap_or((inner, ""));
        let i: usize = number.parse().ok()?;
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(e) = n.entries.get(i) {
            return Some((&e.value, &e.at, rest));
        }
        return n.items.get(i).map(|item| (&**item, &item.at, rest));
    }
    // Names may hold dots: the longest that fits is meant.
    let mut best: Option<&Entry> = None;
    for e in &n.entries {
        let fits = path.strip_prefix(e.key.as_str()).is_some_and(|r| r.is_empty() || r.starts_with(['.', '[']));
        if fits && best.is_none_or(|b| e.key.len() >= b.key.len()) {
            best = Some(e);
        }
    }
    let e = best?;
    let rest = &path[e.key.len()..];
    Some((&e.value, &e.at, rest.strip_prefix('.').unwrap_or(rest)))
}

//! What YAML and JSON both become: values with their places.

use crate::problem::Place;
use std::sync::Arc;

/// The shape of a node.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Null,
    Scalar,
    Mapping,
    Sequence,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Null => "nothing",
            Kind::Scalar => "a single value",
            Kind::Mapping => "a map",
            Kind::Sequence => "a list",
        }
    }
}

/// One value of a file with its place. A scalar keeps its text as written, so that no `007` or
/// `no` is lost to a guess at its type. Nodes are shared between placements after a merge and
/// never change once read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) kind: Kind,
    /// A scalar in quotes or a block: never a number, true or none.
    pub(crate) quoted: bool,
    /// Of a scalar: the value, escapes undone.
    pub(crate) text: String,
    pub(crate) entries: Vec<Entry>,
    pub(crate) items: Vec<Arc<Node>>,
}

/// One key and value of a mapping, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Of the key.
    pub(crate) at: Place,
    pub(crate) value: Arc<Node>,
}

impl Node {
    /// The last entry with that key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|e| e.key == key)
    }

    /// The value of `get`.
    pub(crate) fn value(&self, key: &str) -> Option<&Arc<Node>> {
        self.get(key).map(|e| &e.value)
    }

    /// Whether it is that bare word, such as none.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Scalar && !self.quoted && self.text == word
    }

    /// A copy of the mapping that lacks those keys.
    pub(crate) fn without(&self, keys: &[&str]) -> Node {
        Node {
            at: self.at.clone(),
            kind: self.kind,
            entries: self.entries.iter().filter(|e| !keys.contains(&e.key.as_str())).cloned().collect(),
            ..Node::default()
        }
    }
}

/// The value below `path`, if every step is there.
pub(crate) fn dig<'a>(n: &'a Node, path: &[&str]) -> Option<&'a Arc<Node>> {
    let (first, rest) = path.split_first()?;
    let mut at = n.value(first)?;
    for name in rest {
        at = at.value(name)?;
    }
    Some(at)
}

/// Lays `over` on top of `under`: maps merge key by key, anything else is replaced whole, a list too.
pub(crate) fn merged(under: Option<&Arc<Node>>, over: Option<&Arc<Node>>) -> Option<Arc<Node>> {
    let (Some(u), Some(o)) = (under, over) else {
        return over.or(under).cloned();
    };
    if u.kind != Kind::Mapping || o.kind != Kind::Mapping {
        return Some(o.clone());
    }
    let mut out = Node { at: o.at.clone(), kind: Kind::Mapping, ..Node::default() };
    for e in &u.entries {
        match o.get(&e.key) {
            None => out.entries.push(e.clone()),
            Some(new) => out.entries.push(Entry {
                key: e.key.clone(),
                at: new.at.clone(),
                value: merged(Some(&e.value), Some(&new.value)).unwrap_or_default(),
            }),
        }
    }
    out.entries.extend(o.entries.iter().filter(|e| u.get(&e.key).is_none()).cloned());
    Some(Arc::new(out))
}

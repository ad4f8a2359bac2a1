//! Keys from every file with their places, kept small: there may be a million.

use crate::decode::Decoder;
use crate::gotext::quote;
use crate::load::Loader;
use crate::node::{Kind, Node};
use crate::problem::{MAX_PROBLEMS, Place, Source};
use lockstep_core::KeySpec;
use std::borrow::Cow;
use std::sync::Arc;

/// Where a key stands.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct KeyPlace {
    source: u16,
    width: u16,
    line: u32,
    col: u32,
}

/// Collects keys and their places, in parallel.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyList {
    /// Of the table; "" for keys.
    pub(crate) name: String,
    /// Where it begins; nowhere for keys.
    pub(crate) at: Place,
    pub(crate) specs: Vec<KeySpec>,
    places: Vec<KeyPlace>,
    sources: Vec<Arc<Source>>,
    regions: Vec<String>,
}

/// Bounds the different regions of a list of tenants, which is searched for each.
const MAX_REGIONS: usize = 1000;

impl KeyList {
    pub(crate) fn named(name: &str, at: &Place) -> KeyList {
        KeyList { name: name.into(), at: at.clone(), ..KeyList::default() }
    }

    /// Whether the region has a place in the list.
    fn region(&mut self, name: &str) -> bool {
        if name.is_empty() || self.regions.iter().any(|r| r == name) {
            return true;
        }
        let fits = self.regions.len() < MAX_REGIONS;
        if fits {
            self.regions.push(name.to_owned());
        }
        fits
    }

    fn source(&mut self, src: &Arc<Source>) -> u16 {
        let i = self.sources.iter().position(|s| Arc::ptr_eq(s, src)).unwrap_or_else(|| {
            self.sources.push(src.clone());
            self.sources.len() - 1
        });
        i as u16
    }

    fn add(&mut self, key: &[u8], placement: &str, at: KeyPlace) {
        self.specs.push(KeySpec { key: key.to_owned(), placement: placement.to_owned() });
        self.places.push(at);
    }

    pub(crate) fn place(&self, i: usize) -> Place {
        let p = self.places[i];
        Place {
            source: self.sources.get(p.source as usize).cloned(),
            line: p.line,
            col: p.col,
            width: u32::from(p.width),
        }
    }

    pub(crate) fn find(&self, key: &str) -> Option<usize> {
        self.specs.binary_search_by(|k| k.key.as_slice().cmp(key.as_bytes())).ok()
    }

    /// Sorts the keys and reports those defined twice; of those the last one stays.
    pub(crate) fn settle(&mut self, d: &mut Decoder) {
        if !self.specs.is_sorted_by(|a, b| a.key <= b.key) {
            let mut order: Vec<usize> = (0..self.specs.len()).collect();
            order.sort_by(|a, b| self.specs[*a].key.cmp(&self.specs[*b].key));
            self.places = order.iter().map(|i| self.places[*i]).collect();
            self.specs = order.iter().map(|i| std::mem::take(&mut self.specs[*i])).collect();
        }
        let mut n = 0;
        for i in 0..self.specs.len() {
            if n > 0 && self.specs[i].key == self.specs[n - 1].key {
                d.twice(&text(&self.specs[i].key), &self.place(n - 1), &self.place(i));
                n -= 1;
            }
            self.specs.swap(n, i);
            self.places[n] = self.places[i];
            n += 1;
        }
        self.specs.truncate(n);
        self.places.truncate(n);
    }
}

impl Loader<'_> {
    /// Reads a map from key to placement, or to the parts of a split.
    pub(crate) fn inline_keys(&mut self, n: &Node, list: &mut KeyList) {
        if n.kind == Kind::Null && self.d.lenient || !self.d.want(n, Kind::Mapping) {
            return;
        }
        for e in &n.entries {
            let v = &e.value;
            let home = if v.kind == Kind::Mapping && !self.d.lenient {
                self.inline_split(v)
            } else if v.kind != Kind::Scalar || self.d.lenient && !v.quoted {
                let hint = "write key: placement, or key: {placement: 95%, other: 5%}";
                self.d.fail(&v.at, "the placement of a key must be a name", hint);
                continue;
            } else {
                v.text.clone()
            };
            if e.key.is_empty() {
                self.d.fail(&e.at, "a key is empty", "an empty key can never match: remove it");
                continue;
            }
            let source = e.at.source.as_ref().map_or(0, |s| list.source(s));
            let at = KeyPlace { source, width: e.at.width.min(200) as u16, line: e.at.line, col: e.at.col };
            list.add(e.key.as_bytes(), &home, at);
        }
    }

    /// Reads keys from CSV: a header, then one line a key in ascending order. Quotes are not read, so a
    /// key has neither comma nor line end: what stands in the line is the key, whatever its bytes. A
    /// placement with a space is a split: cell-07 95% cell-12 5%.
    pub(crate) fn tenants(&mut self, src: &Arc<Source>, data: &[u8], list: &mut KeyList) {
        let mut rows =
            data.strip_suffix(b"\n").unwrap_or(data).split(|b| *b == b'\n').map(|r| r.strip_suffix(b"\r").unwrap_or(r));
        let header = text(rows.next().unwrap_or(b""));
        let place = |line: usize, col: usize, width: usize| Place {
            source: Some(src.clone()),
            line: line as u32,
            col: col as u32,
            width: width as u32,
        };
        if header != "key,placement" && header != "key,placement,region" {
            self.d.fail(
                &place(1, 1, header.len()),
                "this is not the header of a list of tenants",
                "begin the file with: key,placement or key,placement,region",
            );
            return;
        }
        let source = list.source(src);
        let mut last: (&[u8], usize) = (b"", 0);
        for (i, row) in rows.enumerate() {
            if self.d.problems.len() >= MAX_PROBLEMS {
                break;
            }
            let (line, at) = (i + 2, place(i + 2, 1, row.len()));
            let Some((key, placement)) = self.tenant(row, &header, last.0, list, &at) else { continue };
            if key == last.0 {
                self.d.twice(&text(key), &place(last.1, 1, key.len()), &at);
                continue;
            }
            let placement = text(placement);
            if placement.contains(' ') {
                self.written_split(&placement, &place(line, key.len() + 2, placement.len()));
            }
            let at = KeyPlace { source, width: key.len().min(200) as u16, line: line as u32, col: 1 };
            list.add(key, &placement, at);
            last = (key, line);
        }
    }

    /// Key and placement of one line, None where it is refused. `last` is the key before it.
    fn tenant<'a>(
        &mut self,
        row: &'a [u8],
        header: &str,
        last: &[u8],
        list: &mut KeyList,
        at: &Place,
    ) -> Option<(&'a [u8], &'a [u8])> {
        let fields: Vec<&[u8]> = row.split(|b| *b == b',').collect();
        let want = header.split(',').count();
        let (what, hint) = if fields.len() != want {
            let plural = if fields.len() == 1 { "" } else { "s" };
            let what = format!("this line has {} field{plural}, the header {want}", fields.len());
            (what, format!("write {header}"))
        } else if row.contains(&b'"') {
            let hint = "write keys and placements bare: quotes are not read";
            ("there is a quote in this line".into(), hint.into())
        } else if fields[0].is_empty() || fields[1].is_empty() {
            ("the key or the placement is empty".into(), "write both, or remove the line".into())
        } else if !list.region(&text(fields.get(2).unwrap_or(&&b""[..]))) {
            let hint = "write the name of a region in the third column";
            (format!("there are more than {MAX_REGIONS} regions"), hint.into())
        } else if fields[0] < last {
            let what = format!("{} comes after {}", quote(&text(fields[0])), quote(&text(last)));
            (what, "sort the lines by key, byte by byte: LC_ALL=C sort".into())
        } else {
            return Some((fields[0], fields[1]));
        };
        self.d.fail(at, what, hint);
        None
    }
}

/// Bytes for a person, and for what is a name.
fn text(b: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(b)
}

//! JSON with places. serde_json says whether a text is JSON; this walks one that is.

use crate::node::{Entry, Kind, Node};
use crate::problem::{Fault, Place, Source};
use serde::de::IgnoredAny;
use std::sync::Arc;

/// How deep values may be nested.
pub(crate) const MAX_DEPTH: usize = 64;

/// Whether the whole text is one JSON document.
pub(crate) fn valid(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// Parses one JSON document. Duplicate keys stay, for the decoder to report.
pub(crate) fn read(src: &Arc<Source>) -> Result<Arc<Node>, Fault> {
    if let Err(e) = serde_json::from_str::<IgnoredAny>(&src.text) {
        return Err(syntax(src, &e));
    }
    let mut r = Reader { src, text: src.text.as_bytes(), at: 0, line: 1, col: 1 };
    match r.value(0) {
        Some(n) => Ok(Arc::new(n)),
        None => Err(r.place(1).fault(
            format!("this is not valid JSON: it is nested more than {MAX_DEPTH} deep"),
            "look for a missing comma, quote or bracket just before",
        )),
    }
}

/// The fault of a text that is not JSON, where serde_json saw it.
fn syntax(src: &Arc<Source>, e: &serde_json::Error) -> Fault {
    let (mut line, mut col) = (e.line(), e.column());
    if col == 0 && line > 1 {
        line -= 1; // at the end of the text: the last line is the place to show
        col = src.text.split('\n').nth(line - 1).unwrap_or("").len() + 1;
    }
    let bytes = src.text.split('\n').nth(line.saturating_sub(1)).unwrap_or("").as_bytes();
    let before = &bytes[..col.saturating_sub(1).min(bytes.len())];
    let column = String::from_utf8_lossy(before).chars().count() + 1;
    let text = e.to_string();
    let what = text.split(" at line ").next().unwrap_or("").to_owned();
    let hint = "look for a missing comma, quote or bracket just before";
    let at = Place { source: Some(src.clone()), line: line as u32, col: column as u32, width: 1 };
    if what == "trailing characters" {
        return at.fault("there is something after the end of the document", "remove it");
    }
    at.fault(format!("this is not valid JSON: {what}"), hint)
}

/// Walks a text that is known to be JSON, so that it only has to find ends.
struct Reader<'a> {
    src: &'a Arc<Source>,
    text: &'a [u8],
    at: usize,
    line: u32,
    col: u32,
}

impl Reader<'_> {
    fn place(&self, width: u32) -> Place {
        Place { source: Some(self.src.clone()), line: self.line, col: self.col, width }
    }

    /// Moves to `to`, which is on a boundary of characters.
    fn step(&mut self, to: usize) {
        for &b in &self.text[self.at..to] {
            match b {
                b'\n' => (self.line, self.col) = (self.line + 1, 1),
                0x80..=0xbf => {} // the rest of a character
                _ => self.col += 1,
            }
        }
        self.at = to;
    }

    /// The next byte that is no white space, comma or colon.
    fn peek(&mut self) -> u8 {
        let mut i = self.at;
        while i < self.text.len() && b" \t\r\n,:".contains(&self.text[i]) {
            i += 1;
        }
        self.step(i);
        self.text.get(i).copied().unwrap_or(0)
    }

    /// Takes one token of `len` bytes and returns its place.
    fn take(&mut self, len: usize) -> Place {
        let text = &self.src.text[self.at..self.at + len];
        let at = self.place(text.chars().count() as u32);
        self.step(self.at + len);
        at
    }

    fn string(&mut self) -> (String, Place) {
        let rest = &self.text[self.at..];
        let mut end = 1;
        while rest[end] != b'"' {
            end += if rest[end] == b'\\' { 2 } else { 1 };
        }
        let raw = &self.src.text[self.at + 1..self.at + end];
        let text = if raw.contains('\\') { unescape(raw) } else { raw.to_owned() };
        (text, self.take(end + 1))
    }

    /// None when the text is nested too deep.
    fn value(&mut self, depth: usize) -> Option<Node> {
        let first = self.peek();
        if depth > MAX_DEPTH {
            return None;
        }
        let mut n = Node { kind: Kind::Scalar, ..Node::default() };
        match first {
            b'{' | b'[' => return self.container(first, depth),
            b'"' => {
                (n.text, n.at) = self.string();
                n.quoted = true;
            }
            _ => {
                let rest = &self.text[self.at..];
                let len = rest.iter().position(|b| b" \t\r\n,:]}".contains(b)).unwrap_or(rest.len());
                n.text = self.src.text[self.at..self.at + len].to_owned();
                n.at = self.take(len);
                if n.text == "null" {
                    (n.kind, n.text) = (Kind::Null, String::new());
                }
            }
        }
        Some(n)
    }

    fn container(&mut self, open: u8, depth: usize) -> Option<Node> {
        let kind = if open == b'{' { Kind::Mapping } else { Kind::Sequence };
        let mut n = Node { at: self.take(1), kind, ..Node::default() };
        loop {
            let next = self.peek();
            if next == b'}' || next == b']' {
                self.take(1);
                return Some(n);
            }
            if kind == Kind::Sequence {
                n.items.push(Arc::new(self.value(depth + 1)?));
                continue;
            }
            let (key, at) = self.string();
            let value = Arc::new(self.value(depth + 1)?);
            n.entries.push(Entry { key, at, value });
        }
    }
}

/// Undoes the escapes of a string. A surrogate that stands alone becomes U+FFFD, as in Go.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(i) = rest.find('\\') {
        out.push_str(&rest[..i]);
        let c = rest.as_bytes()[i + 1];
        rest = &rest[i + 2..];
        match c {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let mut code = hex4(rest).unwrap_or(0xfffd);
                rest = &rest[4..];
                if (0xd800..0xdc00).contains(&code)
                    && let Some(low) = rest.strip_prefix("\\u").and_then(hex4)
                    && (0xdc00..0xe000).contains(&low)
                {
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    rest = &rest[6..];
                }
                out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            }
            c => out.push(c as char), // " \ /
        }
    }
    out.push_str(rest);
    out
}

fn hex4(s: &str) -> Option<u32> {
    u32::from_str_radix(s.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Arc<Node>, Fault> {
        read(&Arc::new(Source { name: "f.json".into(), text: text.into() }))
    }

    #[test]
    fn every_value_has_its_place_and_its_text() {
        let n = parse("{\n  \"é\": [1.50, \"a\\u00e9\\ud83d\\ude00\\ud800\"], \"é\": null}").unwrap();
        let [list, again] = &n.entries[..] else { panic!("{n:?}") };
        assert_eq!((list.at.line, list.at.col, list.at.width), (2, 3, 3));
        assert_eq!(list.value.items[0].text, "1.50");
        assert_eq!(list.value.items[1].text, "aé😀\u{fffd}");
        assert_eq!((list.value.items[1].at.line, list.value.items[1].at.col), (2, 15));
        assert_eq!(again.value.kind, Kind::Null);
    }

    #[test]
    fn what_is_not_json_is_shown_where_it_is() {
        for (text, place) in [
            ("{\"a\": 1,}", "f.json:1:9"),
            ("{\n\"a\" 1}", "f.json:2:5"),
            ("{}\n{}", "f.json:2:1"),
            ("{\"a\": 1\n", "f.json:1:8"),
        ] {
            let p = parse(text).unwrap_err();
            assert_eq!(p.at.to_string(), place, "{text:?}: {p}");
        }
        assert!(parse(&("[".repeat(70) + &"]".repeat(70))).unwrap_err().what.contains("64 deep"));
    }
}

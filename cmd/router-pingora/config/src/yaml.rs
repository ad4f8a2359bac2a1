//! YAML with places. The only YAML features missing are those that let a reader misjudge what a
//! value is: anchors, aliases, merge keys, tags, directives, several documents, keys that are not
//! plain text.

use crate::json::MAX_DEPTH;
use crate::node::{Entry, Kind, Node};
use crate::problem::{Fault, Place, Source};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use std::sync::Arc;

/// Bytes of one YAML file; tenants as CSV have no such bound.
const MAX_YAML: usize = 4 << 20;

const CHECK: &str = "check the indentation, and quote text that holds : or #";

/// Parses one YAML document.
pub(crate) fn read(src: &Arc<Source>) -> Result<Arc<Node>, Fault> {
    let whole = Place::whole(src);
    if src.text.len() > MAX_YAML {
        return Err(whole.fault(
            format!("the file is larger than {} MiB", MAX_YAML >> 20),
            "list tenants in a CSV file and include it: include: [tenants/*.csv]",
        ));
    }
    let mut r = Reader { src, chars: src.text.chars().collect(), open: Vec::new(), root: None };
    r.directives()?;
    let mut documents = 0;
    let mut parser = Parser::new_from_str(&src.text);
    while let Some(next) = parser.next_event() {
        match next {
            Err(e) => return Err(r.syntax(e.marker(), e.info())),
            Ok((Event::DocumentStart(_), _)) => documents += 1,
            Ok((event, span)) if documents == 1 => r.event(event, span)?,
            Ok(_) => {}
        }
    }
    match r.root {
        _ if documents > 1 => {
            Err(whole.fault(format!("there are {documents} documents in the file"), "write exactly one"))
        }
        None => Err(whole.fault("there is nothing in the file", "")),
        Some(n) if n.kind == Kind::Null && n.at.width == 0 => Err(whole.fault("there is nothing in the file", "")),
        Some(n) => Ok(Arc::new(n)),
    }
}

/// A map or list whose end has not come.
struct Open {
    node: Node,
    key: Option<(String, Place)>, // whose value comes next
    flow: bool,
}

struct Reader<'a> {
    src: &'a Arc<Source>,
    chars: Vec<char>,
    open: Vec<Open>,
    root: Option<Node>,
}

impl Reader<'_> {
    fn place(&self, at: &Marker, width: usize) -> Place {
        Place {
            source: Some(self.src.clone()),
            line: at.line() as u32,
            col: at.col() as u32 + 1,
            width: width.max(1) as u32,
        }
    }

    /// The place of a character by its index, on the line of `near` or before it.
    fn place_of(&self, index: usize) -> Place {
        let before = &self.chars[..index];
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let col = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        Place { source: Some(self.src.clone()), line: line as u32, col: col as u32, width: 1 }
    }

    fn syntax(&self, at: &Marker, what: &str) -> Fault {
        self.place(at, 1).fault(format!("this is not valid YAML: {what}"), CHECK)
    }

    fn directives(&self) -> Result<(), Fault> {
        let lines = self.src.text.lines().enumerate();
        let Some((i, _)) = lines
            .take_while(|(_, l)| l.trim().is_empty() || l.starts_with('#') || l.starts_with('%'))
            .find(|(_, l)| l.starts_with('%'))
        else {
            return Ok(());
        };
        Err(self.tags(Place { source: Some(self.src.clone()), line: i as u32 + 1, col: 1, width: 1 }))
    }

    fn tags(&self, at: Place) -> Fault {
        at.fault("YAML tags, directives and ? keys are not read", "write plain keys and values")
    }

    fn anchors(&self, at: Place) -> Fault {
        at.fault("anchors and aliases are not read", "write the value out, or put it under profiles")
    }

    /// Where `mark` stands: at `from`, or before it with nothing but a property between.
    fn property(&self, from: usize, mark: char) -> Place {
        let from = from.min(self.chars.len().saturating_sub(1));
        let index = (0..=from).rev().find(|i| self.chars[*i] == mark).unwrap_or(from);
        self.place_of(index)
    }

    fn event(&mut self, event: Event, span: Span) -> Result<(), Fault> {
        let (anchor, tagged) = match &event {
            Event::Alias(_) => return Err(self.anchors(self.property(span.start.index(), '*'))),
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::MappingStart(anchor, tag) | Event::SequenceStart(anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if anchor != 0 {
            return Err(self.anchors(self.property(span.start.index(), '&')));
        }
        if tagged {
            let mut at = self.property(span.start.index(), '!');
            let line = self.src.text.lines().nth(at.line as usize - 1).unwrap_or("");
            let word = line.chars().skip(at.col as usize - 1).take_while(|c| !c.is_whitespace());
            at.width = word.count().max(1) as u32;
            return Err(self.tags(at));
        }
        match event {
            Event::Scalar(text, style, ..) => self.scalar(text.into_owned(), style, span),
            Event::MappingStart(..) => self.begin(Kind::Mapping, '{', span),
            Event::SequenceStart(..) => self.begin(Kind::Sequence, '[', span),
            Event::MappingEnd | Event::SequenceEnd => match self.open.pop() {
                Some(done) => self.value(done.node),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn begin(&mut self, kind: Kind, bracket: char, span: Span) -> Result<(), Fault> {
        let flow = self.chars.get(span.start.index()) == Some(&bracket);
        let mut at = self.place(&span.start, 1);
        if kind == Kind::Sequence && !flow {
            at = self.property(span.start.index(), '-'); // the parser may be behind it already
        }
        if self.open.len() > MAX_DEPTH {
            return Err(at.fault(format!("this is nested more than {MAX_DEPTH} deep"), "remove some levels"));
        }
        if self.at_key() {
            return Err(self.syntax(&span.start, "a map or a list is no key"));
        }
        self.open.push(Open { node: Node { at, kind, ..Node::default() }, key: None, flow });
        Ok(())
    }

    /// Whether what comes next is a key.
    fn at_key(&self) -> bool {
        self.open.last().is_some_and(|o| o.node.kind == Kind::Mapping && o.key.is_none())
    }

    fn scalar(&mut self, text: String, style: ScalarStyle, span: Span) -> Result<(), Fault> {
        let plain = style == ScalarStyle::Plain;
        let width = match style {
            ScalarStyle::Plain => text.chars().count(),
            ScalarStyle::Literal | ScalarStyle::Folded => 1,
            _ => span.end.index() - span.start.index(),
        };
        let mut at = self.place(&span.start, width);
        if self.at_key() {
            return self.key(text, plain, at, span.start.index());
        }
        if plain && text.is_empty() {
            // Nothing is written: its key or dash is the place to show.
            at = match self.open.last() {
                Some(Open { key: Some((_, of_key)), .. }) => of_key.clone(),
                Some(_) => self.property(span.start.index(), '-'),
                None => Place::whole(self.src),
            };
        }
        let null = plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
        let (kind, text) = if null { (Kind::Null, String::new()) } else { (Kind::Scalar, text) };
        self.value(Node { at, kind, quoted: !plain, text, ..Node::default() })
    }

    fn key(&mut self, text: String, plain: bool, at: Place, index: usize) -> Result<(), Fault> {
        let mut before = self.chars[..index.min(self.chars.len())].iter().rev().skip_while(|c| c.is_whitespace());
        if before.next() == Some(&'?') && before.next().is_none_or(|c| c.is_whitespace() || "{[,".contains(*c)) {
            return Err(self.tags(self.property(index, '?')));
        }
        if plain && text.is_empty() {
            return Err(at.fault("this is not valid YAML: there is no key before this colon", CHECK));
        }
        if plain && text == "<<" {
            return Err(self.anchors(at));
        }
        if let Some(open) = self.open.last_mut() {
            if open.node.entries.is_empty() && !open.flow {
                open.node.at = at.clone();
            }
            open.key = Some((text, at));
        }
        Ok(())
    }

    fn value(&mut self, n: Node) -> Result<(), Fault> {
        match self.open.last_mut() {
            None => self.root = Some(n),
            Some(open) => match open.key.take() {
                Some((key, at)) => open.node.entries.push(entry(key, at, n, open.flow)),
                None => open.node.items.push(Arc::new(n)),
            },
        }
        Ok(())
    }
}

/// One entry of a map. In braces the Go side takes {url:x} for {url: x}, which YAML 1.2 takes for a key
/// without a value; so does this, since such files are in use.
fn entry(key: String, at: Place, value: Node, flow: bool) -> Entry {
    let missing = value.kind == Kind::Null && value.at.col == at.col && value.at.line == at.line;
    let quoted = key.chars().count() as u32 != at.width;
    let colon = key.match_indices(':').map(|(i, _)| i).find(|i| !key[i + 1..].starts_with('/')); // as in http://
    let Some(colon) = colon.filter(|_| flow && missing && !quoted) else {
        return Entry { key, at, value: Arc::new(value) };
    };
    let (name, text) = (&key[..colon], &key[colon + 1..]);
    let shift = name.chars().count() as u32;
    let width = text.chars().count() as u32;
    let of_value = Place { col: at.col + shift + 1, width, ..at.clone() };
    let inner = ['"', '\''].iter().find_map(|q| text.strip_prefix(*q)?.strip_suffix(*q));
    let (quoted, text) = (inner.is_some(), inner.unwrap_or(text).to_owned());
    let value = Node { at: of_value, kind: Kind::Scalar, quoted, text, ..Node::default() };
    Entry { key: name.into(), at: Place { width: shift, ..at }, value: Arc::new(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Arc<Node>, Fault> {
        read(&Arc::new(Source { name: "f.yaml".into(), text: text.into() }))
    }

    fn at(p: &Place) -> (u32, u32, u32) {
        (p.line, p.col, p.width)
    }

    #[test]
    fn values_have_their_text_and_place() {
        let n = parse("a: 007\nbé: {c: 'x y', d: }\nl:\n  - 1s\n  -\nz: ~\nt: |\n  one\n  two\n").unwrap();
        assert_eq!(n.entries[0].value.text, "007");
        assert_eq!(at(&n.entries[0].value.at), (1, 4, 3));
        let map = &n.entries[1].value;
        assert_eq!(at(&n.entries[1].at), (2, 1, 2));
        assert_eq!(at(&map.at), (2, 5, 1));
        assert_eq!(at(&map.entries[0].value.at), (2, 9, 5));
        assert!(map.entries[0].value.quoted);
        assert_eq!((map.entries[1].value.kind, at(&map.entries[1].value.at)), (Kind::Null, (2, 16, 1)));
        let list = &n.entries[2].value;
        assert_eq!((at(&list.at), at(&list.items[1].at)), ((4, 3, 1), (5, 3, 1)));
        assert_eq!(n.entries[3].value.kind, Kind::Null);
        assert_eq!(n.entries[4].value.text, "one\ntwo\n");
    }

    #[test]
    fn what_is_never_read_is_refused_where_it_stands() {
        for (text, place, what) in [
            ("a: &x {b: c}", "f.yaml:1:4", "anchors"),
            ("a: &x b", "f.yaml:1:4", "anchors"),
            ("a: 1\nb: *x", "f.yaml:2:4", ""),
            ("a: !!str b", "f.yaml:1:4", "tags"),
            ("%YAML 1.2\n---\na: 1", "f.yaml:1:1", "tags"),
            ("? a\n: b", "f.yaml:1:1", "tags"),
            ("a:\n  <<: {b: c}", "f.yaml:2:3", "anchors"),
            ("{[a]: b}", "f.yaml:1:2", "no key"),
            ("a: 1\n: b", "f.yaml:2:1", "no key"),
            ("a: 1\n---\nb: 2", "f.yaml:0:0", "2 documents"),
            ("# nothing", "f.yaml:0:0", "nothing in the file"),
            ("a: [1", "", "not valid YAML"),
        ] {
            let p = parse(text).unwrap_err();
            assert!(p.what.contains(what), "{text:?}: {p}");
            assert!(place.is_empty() || p.at.to_string() == place, "{text:?}: {p}");
        }
        let deep = "[".repeat(70) + &"]".repeat(70);
        assert!(parse(&deep).unwrap_err().what.contains("nested more than 64"));
    }
}

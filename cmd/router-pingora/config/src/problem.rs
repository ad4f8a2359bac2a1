//! Faults and warnings with their place, as `lockstep check` prints them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A place in a file. Line and column count from 1; the column counts characters. The default is nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Position {
    /// Name of the file, as it was given or found.
    pub file: String,
    /// Line, 0 for the file as a whole.
    pub line: u32,
    /// Column in characters, 0 for the file as a whole.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One fault in a file, or one warning.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Where it is.
    #[serde(flatten)]
    pub at: Position,
    /// What is wrong, naming the value.
    pub what: String,
    /// How to mend it; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// The line, or the part of it around the fault.
    pub source: String,
    /// Characters of `source` before the token.
    pub offset: usize,
    /// Characters of the token, at least 1 where there is a source.
    pub width: usize,
    /// The first of two definitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Position>,
}

impl fmt::Display for Problem {
    /// Place and fault, the source line, a caret under the token, the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.line == 0 {
            write!(f, "{}: {}", self.at.file, self.what)?;
        } else {
            write!(f, "{}: {}", self.at, self.what)?;
        }
        if !self.source.is_empty() {
            let blank: String =
                self.source.chars().take(self.offset).map(|c| if c == '\t' { c } else { ' ' }).collect();
            write!(f, "\n  | {}\n  | {}{}", self.source, blank, "^".repeat(self.width))?;
        }
        if let Some(other) = &self.other {
            write!(f, "\n  first: {other}")?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n  hint: {}", self.hint)?;
        }
        Ok(())
    }
}

/// Every fault found, by file, line and column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, p) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{p}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A fault that ends the reading.
pub(crate) type Fault = Box<Problem>;

impl From<Fault> for Problems {
    fn from(p: Fault) -> Problems {
        Problems(vec![*p])
    }
}

pub(crate) fn by_place(a: &Problem, b: &Problem) -> Ordering {
    a.at.cmp(&b.at)
}

/// Bounds what is worth reading, and the time to find it.
pub(crate) const MAX_PROBLEMS: usize = 100;

/// The text of one file.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Where a token stands; the default place is nowhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) source: Option<Arc<Source>>,
    pub(crate) line: u32,
    pub(crate) col: u32,
    pub(crate) width: u32, // characters
}

impl Place {
    pub(crate) fn whole(source: &Arc<Source>) -> Place {
        Place { source: Some(source.clone()), ..Place::default() }
    }

    pub(crate) fn position(&self) -> Position {
        match &self.source {
            None => Position::default(),
            Some(s) => Position { file: s.name.clone(), line: self.line, column: self.col },
        }
    }

    /// `problem`, as the end of the reading.
    pub(crate) fn fault(&self, what: impl Into<String>, hint: impl Into<String>) -> Fault {
        Box::new(self.problem(what, hint))
    }

    /// Shows `what` at this place.
    pub(crate) fn problem(&self, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        let mut p = Problem {
            at: self.position(),
            what: what.into(),
            hint: hint.into(),
            source: String::new(),
            offset: 0,
            width: 0,
            other: None,
        };
        if let Some(s) = &self.source
            && self.line > 0
        {
            (p.source, p.offset, p.width) = s.window(self);
        }
        p
    }
}

/// The most of a source line that is shown, in characters.
const MAX_WINDOW: usize = 100;

impl Source {
    /// The part of the line to show, and where the caret stands in it.
    fn window(&self, p: &Place) -> (String, usize, usize) {
        let col = p.col as usize;
        let text = self.text.split('\n').nth(p.line as usize - 1).unwrap_or("");
        let mut line: Vec<char> = text.chars().take(col + MAX_WINDOW).collect();
        if text.chars().nth(col + MAX_WINDOW).is_none() && line.last() == Some(&'\r') {
            line.pop();
        }
        let mut offset = col.saturating_sub(1).min(line.len());
        let mut from = 0;
        if line.len() > MAX_WINDOW && offset > MAX_WINDOW / 2 {
            from = offset - MAX_WINDOW / 2;
        }
        let mut line = line[from..line.len().min(from + MAX_WINDOW)].to_vec();
        offset -= from;
        let width = (p.width as usize).min(line.len() - offset).max(1);
        for c in &mut line {
            if *c != '\t' && (*c < ' ' || *c == '\x7f' || *c == '\u{fffd}') {
                *c = '?'; // nothing in a hostile file may drive the terminal
            }
        }
        (line.into_iter().collect(), offset, width)
    }
}

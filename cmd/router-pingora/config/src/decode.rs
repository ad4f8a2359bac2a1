//! From nodes to typed settings, strictly: what does not fit is collected with its place.

use crate::gotext::quote;
use crate::node::{Entry, Kind, Node};
use crate::problem::{MAX_PROBLEMS, Place, Problem, Problems, by_place};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Turns nodes into values and collects what does not fit.
#[derive(Default)]
pub(crate) struct Decoder {
    /// As the baseline reads: unknown and duplicate keys are warnings, null is nothing, text is quoted.
    pub(crate) lenient: bool,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// Found so far, those reported before included.
    pub(crate) faults: usize,
    reported: BTreeSet<String>,
}

/// An error of a text that is not in its type's form.
pub(crate) struct Mistake {
    pub(crate) what: String,
    pub(crate) hint: String,
}

impl Mistake {
    pub(crate) fn of(what: impl Into<String>, hint: impl Into<String>) -> Mistake {
        Mistake { what: what.into(), hint: hint.into() }
    }
}

/// A type that can be read from a node.
pub(crate) trait Decode: Default {
    /// Takes the node as it is, null too.
    const RAW: bool = false;
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>);
    /// Zero or negative: in core it would mean the default.
    fn too_small(&self) -> bool {
        false
    }
    /// Whether there is a value to check: not where the word none is written.
    fn checked(&self) -> bool {
        true
    }
}

/// A struct of settings; `settings!` implements it.
pub(crate) trait Settings: Default {
    /// Name of each setting, with the rule that a later one waits for.
    fn fields() -> Vec<(&'static str, &'static str)>;
    /// Reads one known setting.
    fn set(&mut self, d: &mut Decoder, e: &Entry);
}

/// What `settings!` says of a setting beside its name.
pub(crate) struct Check {
    pub(crate) positive: bool,
    pub(crate) oneof: &'static [&'static str],
    pub(crate) later: &'static str,
}

pub(crate) const PLAIN: Check = Check { positive: false, oneof: &[], later: "" };
pub(crate) const POSITIVE: Check = Check { positive: true, oneof: &[], later: "" };

pub(crate) const fn oneof(words: &'static [&'static str]) -> Check {
    Check { positive: false, oneof: words, later: "" }
}

/// Named by the rules, refused with that message.
pub(crate) const fn later(rule: &'static str) -> Check {
    Check { positive: false, oneof: &[], later: rule }
}

/// Declares a struct of settings: `field: Type = "name in the file" CHECK;`.
macro_rules! settings {
    ($(#[$doc:meta])* struct $name:ident { $($field:ident: $ty:ty = $key:literal $check:expr;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name { $(pub(crate) $field: $ty,)* }

        impl $crate::decode::Settings for $name {
            fn fields() -> Vec<(&'static str, &'static str)> {
                use $crate::decode::*;
                vec![$(($key, $check.later),)*]
            }
            fn set(&mut self, d: &mut $crate::decode::Decoder, e: &$crate::node::Entry) {
                use $crate::decode::*;
                match e.key.as_str() {
                    $($key => {
                        if !d.lenient {
                            self.$field = Default::default(); // of two the last counts, whose node is found
                        }
                        d.field(e, &mut self.$field, &$check);
                    })*
                    _ => {}
                }
            }
        }
        impl $crate::decode::Decode for $name {
            fn decode(&mut self, d: &mut $crate::decode::Decoder, n: &std::sync::Arc<$crate::node::Node>) {
                d.structure(n, self);
            }
        }
    };
}
pub(crate) use settings;

impl Decoder {
    pub(crate) fn done(&mut self) -> Result<(), Problems> {
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems.sort_by(by_place);
        Err(Problems(std::mem::take(&mut self.problems)))
    }

    /// Reports a fault once: a value that many placements inherit is read many times.
    pub(crate) fn fail(&mut self, at: &Place, what: impl Into<String>, hint: impl Into<String>) {
        self.faults += 1;
        self.report(at.problem(what, hint));
    }

    pub(crate) fn report(&mut self, p: Problem) {
        if self.problems.len() < MAX_PROBLEMS && self.reported.insert(format!("{}{}", p.at, p.what)) {
            self.problems.push(p);
        }
    }

    pub(crate) fn warn(&mut self, p: Problem) {
        if self.warnings.len() < MAX_PROBLEMS && self.reported.insert(format!("{}{}", p.at, p.what)) {
            self.warnings.push(p);
        }
    }

    /// Reports what the baseline accepts and the native form refuses.
    pub(crate) fn soft(&mut self, p: Problem) {
        if self.lenient {
            self.warn(p);
        } else {
            self.report(p);
        }
    }

    /// Reads a node into `v`.
    pub(crate) fn read<T: Decode>(&mut self, n: &Arc<Node>, v: &mut T) {
        if n.kind == Kind::Null && !T::RAW {
            if !self.lenient {
                self.fail(&n.at, "there is no value here", "write one, or remove the key");
            }
            return;
        }
        v.decode(self, n);
    }

    pub(crate) fn decode<T: Decode>(&mut self, n: &Arc<Node>) -> T {
        let mut v = T::default();
        self.read(n, &mut v);
        v
    }

    /// Reads one setting and checks it.
    pub(crate) fn field<T: Decode>(&mut self, e: &Entry, v: &mut T, check: &Check) {
        let before = self.faults;
        self.read(&e.value, v);
        if self.faults != before || !v.checked() || e.value.kind != Kind::Scalar {
            return;
        }
        if !check.oneof.is_empty() {
            self.choice(&e.value, check.oneof);
        }
        if check.positive && v.too_small() {
            self.fail(
                &e.value.at,
                format!("{} must be more than zero", quote(&e.key)),
                "write a larger value, or remove it for the default",
            );
        }
    }

    /// Reports a node of another kind.
    pub(crate) fn want(&mut self, n: &Node, k: Kind) -> bool {
        if n.kind == k {
            return true;
        }
        let hint = match k {
            Kind::Scalar => "write one value",
            Kind::Mapping => "write {name: value}",
            Kind::Sequence => "write [a, b]",
            Kind::Null => "",
        };
        self.fail(&n.at, format!("this must be {}, not {}", k.name(), n.kind.name()), hint);
        false
    }

    /// Reports keys defined twice in one mapping.
    pub(crate) fn duplicates(&mut self, n: &Node) {
        if n.entries.len() < 2 {
            return;
        }
        let mut seen: HashMap<&str, &Place> = HashMap::with_capacity(n.entries.len());
        for e in &n.entries {
            match seen.get(e.key.as_str()) {
                Some(first) => self.twice(&e.key, first, &e.at),
                None => {
                    seen.insert(&e.key, &e.at);
                }
            }
        }
    }

    pub(crate) fn twice(&mut self, key: &str, first: &Place, second: &Place) {
        let hint = if self.lenient { "the last one counts: remove the other" } else { "keep one of the two" };
        let mut p = second.problem(format!("{} is defined twice", quote(key)), hint);
        p.other = Some(first.position());
        self.soft(p);
    }

    pub(crate) fn structure<T: Settings>(&mut self, n: &Arc<Node>, v: &mut T) {
        if !self.want(n, Kind::Mapping) {
            return;
        }
        self.duplicates(n);
        let fields = T::fields();
        for e in &n.entries {
            match fields.iter().find(|f| f.0 == e.key) {
                None => self.unknown(e, &fields),
                Some((name, rule)) if !rule.is_empty() => {
                    self.fail(&e.at, format!("{} is not supported yet ({rule}, later)", quote(name)), "remove it");
                }
                Some(_) => v.set(self, e),
            }
        }
    }

    fn unknown(&mut self, e: &Entry, fields: &[(&'static str, &'static str)]) {
        let names: Vec<&str> = fields.iter().filter(|f| f.1.is_empty()).map(|f| f.0).collect();
        let hint = did_you_mean(&e.key, &names).unwrap_or_else(|| format!("use one of: {}", names.join(", ")));
        self.soft(e.at.problem(format!("there is no setting named {} here", quote(&e.key)), hint));
    }

    /// Reports a word outside the list.
    pub(crate) fn choice(&mut self, n: &Node, words: &[&str]) {
        if words.contains(&n.text.as_str()) {
            return;
        }
        let hint = did_you_mean(&n.text, words).unwrap_or_else(|| format!("write {}", words.join(" or ")));
        self.fail(&n.at, format!("{} is not a choice here", quote(&n.text)), hint);
    }

    /// Reads a scalar by its text.
    pub(crate) fn text<T>(&mut self, n: &Node, v: &mut T, parse: impl FnOnce(&str) -> Result<T, Mistake>) {
        if !self.want(n, Kind::Scalar) {
            return;
        }
        match parse(&n.text) {
            Ok(value) => *v = value,
            Err(m) => self.fail(&n.at, m.what, m.hint),
        }
    }
}

/// A hint with the nearest of the names, if one is near.
pub(crate) fn did_you_mean(word: &str, names: &[&str]) -> Option<String> {
    let best = crate::gotext::nearest(word, names);
    (!best.is_empty()).then(|| format!("did you mean {}?", quote(best)))
}

/// A node as it was written, for those who read it later.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw(pub(crate) Option<Arc<Node>>);

impl Decode for Raw {
    const RAW: bool = true;
    fn decode(&mut self, _: &mut Decoder, n: &Arc<Node>) {
        self.0 = Some(n.clone());
    }
}

impl Decode for String {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if !d.want(n, Kind::Scalar) {
            return;
        }
        if d.lenient && !n.quoted {
            d.fail(&n.at, format!("{} is not text", n.text), "put it in quotes");
            return;
        }
        self.clone_from(&n.text);
    }
    fn too_small(&self) -> bool {
        self.is_empty()
    }
}

impl Decode for bool {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if !d.want(n, Kind::Scalar) {
            return;
        }
        match n.text.as_str() {
            _ if n.quoted => no_count(d, n, false),
            "true" => *self = true,
            "false" => *self = false,
            _ => {
                d.fail(&n.at, format!("{} is neither true nor false", quote(&n.text)), "write true or false");
            }
        }
    }
}

fn no_count(d: &mut Decoder, n: &Node, too_large: bool) {
    let name = if too_large { "count that fits" } else { "count" };
    d.fail(&n.at, format!("{} is not a {name}", quote(&n.text)), "write a bare number, without unit or quotes");
}

macro_rules! number {
    ($($ty:ty, $signs:expr;)*) => {$(
        impl Decode for $ty {
            fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
                if !d.want(n, Kind::Scalar) {
                    return;
                }
                let digits = if $signs { n.text.strip_prefix(['+', '-']).unwrap_or(&n.text) } else { &n.text };
                let is_count = !n.quoted && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                match n.text.parse::<$ty>() {
                    Ok(v) if is_count => *self = v,
                    _ => {
                        *self = if is_count { <$ty>::MAX } else { 0 };
                        no_count(d, n, is_count);
                    }
                }
            }
            #[allow(unused_comparisons)]
            fn too_small(&self) -> bool {
                *self <= 0
            }
        }
    )*};
}
number! { u16, false; u32, false; i32, true; i64, true; }

impl<T: Decode> Decode for Option<T> {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        d.read(n, self.insert(T::default()));
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if d.want(n, Kind::Sequence) {
            *self = n.items.iter().map(|item| d.decode(item)).collect();
        }
    }
}

impl<T: Decode> Decode for BTreeMap<String, T> {
    fn decode(&mut self, d: &mut Decoder, n: &Arc<Node>) {
        if !d.want(n, Kind::Mapping) {
            return;
        }
        d.duplicates(n);
        for e in &n.entries {
            let v = d.decode(&e.value);
            self.insert(e.key.clone(), v);
        }
    }
}

//! The section must. This router does not judge promises, but a file with one that says nothing is
//! refused here as on the Go side, and the names are kept.

use crate::decode::Settings;
use crate::form::must::Pledge;
use crate::gotext::quote;
use crate::load::Loader;
use crate::lower::{at_of, value_at};
use crate::node::{Kind, Node};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many promises a configuration may make.
const MAX_PROMISES: usize = 64;

/// One way to write a promise: with all of its words, and any of those that may narrow it.
struct Form {
    words: &'static [&'static str],
    also: &'static [&'static str],
    example: &'static str,
}

/// The vocabulary.
const FORMS: [Form; 12] = [
    Form {
        words: &["lose", "availability", "within"],
        also: &["keys"],
        example: "{lose: any 1 placement, availability: 99.9%, within: 30s}",
    },
    Form {
        words: &["lose", "p99", "within"],
        also: &["keys"],
        example: "{lose: any 1 placement, p99: 500ms, within: 30s}",
    },
    Form { words: &["availability"], also: &["keys"], example: "{availability: 99.9%}" },
    Form { words: &["p99"], also: &["keys"], example: "{p99: 300ms}" },
    Form { words: &["home_refused_because_of_guests"], also: &[], example: "{home_refused_because_of_guests: 0.1%}" },
    Form { words: &["keys", "served_by"], also: &[], example: "{keys: {region: eu}, served_by: {region: eu}}" },
    Form { words: &["placements", "guests"], also: &[], example: "{placements: {kind: dedicated}, guests: none}" },
    Form { words: &["half_open_probes"], also: &[], example: "{half_open_probes: 1}" },
    Form { words: &["fails_over_within"], also: &[], example: "{fails_over_within: 15s}" },
    Form { words: &["recovers_within"], also: &[], example: "{recovers_within: 60s}" },
    Form { words: &["in_flight"], also: &[], example: "{in_flight: {placement: cell-07, at_most: 400}}" },
    Form { words: &["health_probes_per_second"], also: &[], example: "{health_probes_per_second: 5}" },
];

/// Every loss that can be promised.
const LOSSES: [&str; 3] = ["any 1 placement", "any 2 placements", "any 1 endpoint"];

/// The form that shares most words with those written, and of those the one that lacks fewest; what
/// it lacks, and what is written beside it.
fn closest<'a>(written: &[&'a str]) -> (&'static Form, Vec<&'static str>, Vec<&'a str>) {
    let mut best = (&FORMS[0], Vec::new(), Vec::new());
    let mut most = i64::MIN;
    for f in &FORMS {
        let missing: Vec<&str> = f.words.iter().copied().filter(|w| !written.contains(w)).collect();
        let extra: Vec<&str> =
            written.iter().copied().filter(|w| !f.words.contains(w) && !f.also.contains(w)).collect();
        let shared = (written.len() - extra.len()) as i64;
        let score = 100 * shared + 10 * (f.words.len() - missing.len()) as i64 - missing.len() as i64;
        if score > most {
            (best, most) = ((f, missing, extra), score);
        }
    }
    best
}

impl Loader<'_> {
    /// Reads the promises, by name.
    pub(crate) fn must(&mut self, table: Option<&Arc<Node>>, pledges: &BTreeMap<String, Pledge>) {
        let Some(table) = table else { return };
        let known = Pledge::fields();
        for (n, (name, pledge)) in pledges.iter().enumerate() {
            let Some(e) = table.get(name).filter(|e| e.value.kind == Kind::Mapping) else {
                continue; // reported already
            };
            if n == MAX_PROMISES {
                self.d.fail(&e.at, format!("there are more than {MAX_PROMISES} promises"), "remove some");
                return;
            }
            let entries = &e.value.entries;
            let written: Vec<&str> =
                entries.iter().map(|w| w.key.as_str()).filter(|w| known.iter().any(|k| k.0 == *w)).collect();
            let (form, lacks, beside) = closest(&written);
            if entries.len() > written.len() {
                continue; // reported already
            }
            if written.is_empty() {
                let vocabulary: Vec<&str> = FORMS.iter().map(|f| f.example).collect();
                let hint = format!("write one of: {}", vocabulary.join(", "));
                self.d.fail(&e.at, format!("{} promises nothing", quote(name)), hint);
            } else if !lacks.is_empty() {
                let what = format!("{} lacks {}", quote(name), lacks.join(" and "));
                self.d.fail(&e.at, what, format!("write {}", form.example));
            } else if let Some(first) = beside.first() {
                let what = format!("{first} does not belong to a promise of {}", form.words.join(", "));
                let hint = format!("give it a name and a line of its own, or write {}", form.example);
                self.d.fail(at_of(&e.value, first), what, hint);
            } else {
                self.pledged(pledge, form, &e.value);
                self.file.must.push(name.clone());
            }
        }
    }

    /// Checks what the words of one promise say.
    fn pledged(&mut self, p: &Pledge, form: &Form, at: &Node) {
        let unlabelled = |l: &BTreeMap<String, String>| l.is_empty() || l.values().any(String::is_empty);
        for (word, empty) in [
            ("keys", p.keys.region.is_empty()),
            ("served_by", unlabelled(&p.served_by)),
            ("placements", unlabelled(&p.placements)),
        ] {
            if let Some(e) = at.get(word).filter(|e| empty && e.value.kind == Kind::Mapping) {
                self.d.fail(&e.at, format!("{word} says nothing"), format!("write {}", form.example));
            }
        }
        let f = &p.in_flight;
        if form.words == ["in_flight"] && (f.placement.is_empty() || f.at_most == 0) {
            let hint = format!("write {}", form.example);
            self.d.fail(at_of(at, "in_flight"), "in_flight needs both placement and at_most", hint);
        } else if at.get("lose").is_some() && !LOSSES.contains(&p.lose.as_str()) {
            let what = format!("{} is not a loss that can be promised", quote(&p.lose));
            self.d.fail(value_at(at, "lose"), what, format!("write one of: {}", LOSSES.join(", ")));
        } else if at.get("guests").is_some() && p.guests != "none" {
            let hint = "write guests: none; a number of guests is a limit of the placement";
            self.d.fail(value_at(at, "guests"), format!("{} cannot be promised", quote(&p.guests)), hint);
        } else if !f.placement.is_empty() && !self.file.spec.placements.iter().any(|s| s.name == f.placement) {
            let place = at.value("in_flight").map_or(&at.at, |n| value_at(n, "placement")).clone();
            self.no_placement(&place, &f.placement);
        }
    }
}

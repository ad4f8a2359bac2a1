//! Candidates (R1): for every placement a flat list of the placements that may serve its
//! requests, itself first, at most `MAX_CANDIDATES`, each once.

use crate::compile::{Compiler, quote};
use crate::config::search_placements;
use crate::spec::{MAX_CANDIDATES, PlacementSpec};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

impl Compiler<'_> {
    /// Fills in the candidate list of every placement.
    pub(crate) fn fallbacks(&mut self) {
        let spec = self.spec;
        for p in &spec.placements {
            let Ok(at) = search_placements(&self.config.placements, &p.name) else { continue };
            let path = format!("placements.{}.fallback", p.name);
            let list = self.listed(p, at as i32, &path);
            if list.len() > MAX_CANDIDATES {
                let hint = format!("use at most {}", MAX_CANDIDATES - 1);
                self.fail(&path, format!("there are {}", list.len() - 1), hint);
            }
            if spec.chain_fallbacks && list.len() > 2 {
                let hint = "name one, or write the whole list in the native form";
                self.fail(&path, "a chained fallback names one placement", hint);
            }
            self.config.placements[at].candidates = list;
        }
        if spec.chain_fallbacks && self.errors.is_empty() {
            self.chain();
        }
    }

    /// The placement at `at` and the fallbacks that it names.
    fn listed(&mut self, p: &PlacementSpec, at: i32, path: &str) -> Vec<i32> {
        let mut list = vec![at];
        for (j, name) in p.fallback.iter().enumerate() {
            let item = format!("{path}[{j}]");
            match search_placements(&self.config.placements, name).map(|f| f as i32) {
                Err(_) => self.fail(item, self.unknown(name), self.suggest(name)),
                Ok(f) if f == at => {
                    let hint = "remove it: a placement is always its own first candidate";
                    self.fail(item, "is the placement itself", hint);
                }
                Ok(f) if list.contains(&f) => {
                    self.fail(item, format!("{} is listed twice", quote(name)), "keep one of the two");
                }
                Ok(f) => list.push(f),
            }
        }
        list
    }

    /// The baseline's meaning: follow each placement's one fallback until it ends or comes round,
    /// then the default placement.
    fn chain(&mut self) {
        let next: Vec<i32> =
            self.config.placements.iter().map(|p| if p.candidates.len() == 2 { p.candidates[1] } else { -1 }).collect();
        let last = search_placements(&self.config.placements, &self.spec.default).ok();
        for i in 0..next.len() {
            let mut list = vec![i as i32];
            let mut f = next[i];
            while f >= 0 && !list.contains(&f) && list.len() < MAX_CANDIDATES {
                list.push(f);
                f = next[f as usize];
            }
            if let Some(last) = last.map(|l| l as i32)
                && !list.contains(&last)
            {
                // The default is the promise of the baseline's text, so it keeps its place when
                // the chain is too long.
                list.truncate(MAX_CANDIDATES - 1);
                list.push(last);
            }
            self.config.placements[i].candidates = list;
        }
    }
}

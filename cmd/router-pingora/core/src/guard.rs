//! Push guards (R13): how far a push may be from the configuration in force before it must be
//! marked deliberate. Both configurations are in the recording and `compare` is pure, so a
//! replay measures for itself. What Compile makes of them is in compile_room.rs.

use crate::config::{Config, PlacementConfig, search_placements};
use crate::decision::{Cause, Decision};
use crate::event::{Event, Origin};
use crate::keytable::KeyTable;
use crate::routes::{MILLION, SplitPart, percent};
use crate::spec::LimitSpec;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The whole of a key.
const WHOLE: u64 = MILLION as u64;

/// Bounds what one push from a control plane may change. Each is in percent of what is in force,
/// 1..99; 0 means that there is no such guard.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct GuardSpec {
    /// Of the keys, those whose candidates change.
    pub keys_rerouted: u32,
    /// Of the keys, those that are gone.
    pub keys_removed: u32,
    /// Of the endpoints, by placement and URL, those that are gone.
    pub endpoints_removed: u32,
    /// Of the sum of all limits, what placements lose of theirs.
    pub limit_lowered: u32,
}

impl GuardSpec {
    /// Reports whether there is a guard.
    pub fn on(&self) -> bool {
        *self != GuardSpec::default()
    }
}

/// How far a configuration is from the one in force. Only `compare` makes one.
#[derive(Clone, Debug)]
pub struct Change {
    pub(crate) from: Arc<Config>,
    pub(crate) to: Arc<Config>,
    /// In the order of `GuardSpec` and of the causes.
    pub(crate) amounts: [Amount; GUARD_COUNT],
}

pub(crate) const GUARD_COUNT: usize = 4;

/// A part of a whole. Of keys both are in millionths of a key, since a split may send a part of
/// one elsewhere.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Amount {
    pub(crate) part: u64,
    pub(crate) whole: u64,
}

/// Measures how far `c` is from the configuration in force. It takes time in proportion to their
/// keys and endpoints; whoever offers a push calls it before the router's lock, and puts the
/// result into the Adopt.
pub fn compare(in_force: &Arc<Config>, c: &Arc<Config>) -> Change {
    let mut ch = Change { from: in_force.clone(), to: c.clone(), amounts: [Amount::default(); GUARD_COUNT] };
    let same = matching(in_force, c);
    let none = KeyTable::default();
    for t in &in_force.tables {
        let there = c.tables.iter().find(|u| u.name == t.name).unwrap_or(&none);
        ch.keys(t, there, &same);
    }
    ch.endpoints();
    ch.limits();
    ch
}

/// Returns for each placement in force its index in `c`, or -1 if it is not there or its
/// candidates are others.
fn matching(old: &Config, c: &Config) -> Vec<i32> {
    let alike = |(&a, &b): (&i32, &i32)| old.placements[a as usize].name == c.placements[b as usize].name;
    let index = |p: &PlacementConfig| match search_placements(&c.placements, &*p.name) {
        Ok(n) => {
            let candidates = &c.placements[n].candidates;
            let equal = p.candidates.len() == candidates.len() && p.candidates.iter().zip(candidates).all(alike);
            if equal { n as i32 } else { -1 }
        }
        Err(_) => -1,
    };
    old.placements.iter().map(index).collect()
}

impl Change {
    /// Counts one table: a merge of two sorted lists.
    fn keys(&mut self, t: &KeyTable, there: &KeyTable, same: &[i32]) {
        let (mut rerouted, mut removed, mut k) = (0, 0, 0);
        for (key, &was) in t.keys.iter().zip(&t.placements) {
            while k < there.keys.len() && there.keys[k] < *key {
                k += 1;
            }
            if k == there.keys.len() || there.keys[k] != *key {
                removed += 1;
                continue;
            }
            let is = there.placements[k];
            k += 1;
            if was < 0 || is < 0 {
                rerouted += self.moved(was, is, same);
            } else if same[was as usize] != is {
                rerouted += WHOLE;
            }
        }
        let whole = t.keys.len() as u64 * WHOLE;
        self.amounts[0].part += rerouted;
        self.amounts[1].part += removed * WHOLE;
        self.amounts[0].whole += whole;
        self.amounts[1].whole += whole;
    }

    /// Returns how many millionths of a key go elsewhere, of which one home or both are splits:
    /// where their running sums name other placements.
    fn moved(&self, was: i32, is: i32, same: &[i32]) -> u64 {
        let (one_a, one_b) = (whole(was), whole(is));
        let (a, b) = (self.from.parts(was, &one_a), self.to.parts(is, &one_b));
        let (mut at, mut i, mut k, mut n) = (0, 0, 0, 0);
        while i < a.len() && k < b.len() {
            let end = a[i].end.min(b[k].end);
            if same[a[i].placement as usize] != b[k].placement {
                n += u64::from(end - at);
            }
            at = end;
            i += usize::from(a[i].end == end);
            k += usize::from(b[k].end == end);
        }
        n
    }
}

/// A home that is no split as the one part of a split.
fn whole(home: i32) -> [SplitPart; 1] {
    [SplitPart { placement: home, end: MILLION }]
}

impl Config {
    /// Returns a home as a split; that of a placement is `one`.
    fn parts<'a>(&'a self, home: i32, one: &'a [SplitPart; 1]) -> &'a [SplitPart] {
        if home < 0 { &self.splits[!home as usize].0 } else { one }
    }
}

impl Change {
    /// Counts those that are gone.
    fn endpoints(&mut self) {
        let mut ids: Vec<u64> = self.to.endpoints.iter().map(|e| e.id).collect();
        ids.sort_unstable();
        let gone = self.from.endpoints.iter().filter(|e| ids.binary_search(&e.id).is_err()).count();
        self.amounts[2] = Amount { part: gone as u64, whole: self.from.endpoints.len() as u64 };
    }

    /// Adds up what placements lose of their limits. What another gains makes up for nothing: it
    /// serves other keys.
    fn limits(&mut self) {
        let mut a = Amount::default();
        for p in &self.from.placements {
            let was = p.limit.most();
            if was == 0 {
                continue;
            }
            a.whole += was;
            match search_placements(&self.to.placements, &*p.name) {
                Err(_) => a.part += was,
                Ok(n) => {
                    let is = self.to.placements[n].limit.most();
                    if is != 0 && is < was {
                        a.part += was - is;
                    }
                }
            }
        }
        self.amounts[3] = a;
    }
}

impl LimitSpec {
    /// Returns the most requests that a limit ever lets in, 0 for no limit.
    fn most(&self) -> u64 {
        let a = self.adaptive.max;
        let most = if self.adaptive.on() && (self.in_flight == 0 || a < self.in_flight) { a } else { self.in_flight };
        most.max(0) as u64
    }
}

impl Change {
    /// Returns the first guard that the change goes beyond, none for none, and how much changes, in
    /// parts per million of what is in force, rounded up.
    pub fn beyond(&self, g: GuardSpec) -> Option<(Cause, u32)> {
        let percents = [g.keys_rerouted, g.keys_removed, g.endpoints_removed, g.limit_lowered];
        for (i, (a, percent)) in self.amounts.iter().zip(percents).enumerate() {
            let (part, whole) = (u128::from(a.part), u128::from(a.whole));
            if percent != 0 && part * 100 > whole * u128::from(percent) {
                let share = (part * u128::from(WHOLE)).div_ceil(whole.max(1)); // part <= whole: it fits
                return Some((Cause(Cause::KEYS_REROUTED.0 + i as u8), share as u32));
            }
        }
        None
    }
}

/// Returns the guard that refuses a push and how much changes, none for none. The guards in force
/// count, so that a bad push cannot lift them.
pub(crate) fn guarded(in_force: Option<&Arc<Config>>, push: &Arc<Config>, ev: &Event) -> Option<(Cause, u32)> {
    let from = in_force?;
    if ev.origin != Origin::CONTROL || ev.deliberate || !from.guards.on() {
        return None;
    }
    match &ev.change {
        Some(ch) if Arc::ptr_eq(&ch.from, from) && Arc::ptr_eq(&ch.to, push) => ch.beyond(from.guards),
        _ => compare(from, push).beyond(from.guards),
    }
}

impl Decision {
    /// Says how far a push that a guard refused went: 12.5% of the keys would be gone. "" where the
    /// cause is no guard's.
    pub fn guard_text(&self) -> String {
        let what = match self.cause {
            Cause::KEYS_REROUTED => "of the keys would be served elsewhere",
            Cause::KEYS_REMOVED => "of the keys would be gone",
            Cause::ENDPOINTS_REMOVED => "of the endpoints would be gone",
            Cause::LIMIT_LOWERED => "of the limits in all would be taken away",
            _ => return String::new(),
        };
        format!("{} {what}", percent(self.count))
    }
}

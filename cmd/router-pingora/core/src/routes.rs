//! Routes, key tables and splits (R1). Route 0 looks keys up in table 0, which is `Spec::keys`,
//! unless `Spec::table` names another, and sends unknown keys to `Spec::default`; a Spec may add
//! more of each. Which request takes which route is the edge's to say: an Arrive names it.

use crate::class::Class;
use crate::compile::{Compiler, MAX_ERRORS, NAME_FAULT, NAME_HINT, or_default, quote, valid_name};
use crate::config::{Config, Route, search_placements};
use crate::decision::Reason;
use crate::keytable::KeyTable;
use crate::random::{Purpose, below, draw, hash_string};
use crate::spec::{KeySpec, MAX_CANDIDATES};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Routes of a Spec, route 0 included.
pub const MAX_ROUTES: usize = 1024;
/// Key tables of a Spec, table 0 included.
pub const MAX_TABLES: usize = 1024;
/// Different splits of a Spec.
pub const MAX_SPLITS: usize = 65536;

/// The whole of a share.
pub(crate) const MILLION: u32 = 1_000_000;

/// One more key table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TableSpec {
    /// 1 to 200 characters from ! to ~, each once.
    pub name: String,
    /// Which placement a key belongs to.
    pub keys: Vec<KeySpec>,
}

/// One more route, numbered by its place after route 0.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RouteSpec {
    /// Name of a table; "" means `Spec::keys`.
    pub table: String,
    /// Placement that takes unknown keys; "" refuses them.
    pub default: String,
    /// Status of that refusal, 400..599; 0 means 421.
    pub unknown_status: u16,
}

/// Divides the requests of a key between placements, so that a tenant can move step by step.
/// Keys name it in place of a placement. The order of parts carries no meaning.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SplitSpec {
    /// Not that of a placement.
    pub name: String,
    /// Whom it goes to.
    pub parts: Vec<PartSpec>,
}

/// The share of one placement.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartSpec {
    /// Its name.
    pub placement: String,
    /// Parts per million; those of a split are 1,000,000 in all; 0 is a placement that gets none
    /// yet.
    pub share: u32,
}

/// One route, compiled.
#[derive(Copy, Clone, Debug)]
pub(crate) struct RouteConfig {
    pub(crate) table: i32,
    /// Placement of unknown keys, -1 to refuse them.
    pub(crate) fallback: i32,
    pub(crate) status: u16,
}

/// One part of a split: it takes the draws from the one before up to `end`.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SplitPart {
    pub(crate) placement: i32,
    /// Running sum of shares.
    pub(crate) end: u32,
}

/// The parts of one split, in ascending order of placement.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Split(pub(crate) Vec<SplitPart>);

/// One compiled route.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct RouteInfo {
    /// Of `Config::table_name`.
    pub table: usize,
    /// Index of the placement that takes unknown keys, -1 when they are refused.
    pub unknown: i32,
    /// Of that refusal.
    pub status: u16,
    /// The configuration has more than one route.
    pub multiple: bool,
}

/// One part of a compiled split.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Index of the placement.
    pub placement: usize,
    /// Parts per million.
    pub share: u32,
}

impl Split {
    /// Returns the placement whose part the request falls into. There is no seed, so all routers
    /// of a fleet agree; the key's hash is folded in, so that a user who is early in one tenant's
    /// migration is not early in every one.
    fn draw(&self, key: u64, request: u64) -> i32 {
        let u = below(draw(0, request, key, Purpose::Split), u64::from(MILLION)) as u32;
        let part = self.0.iter().find(|p| u < p.end).or(self.0.last());
        part.map_or(-1, |p| p.placement)
    }
}

impl Config {
    /// `match_via` for route 0 and a request without a hash: where no key is split, and there are
    /// no other routes, it is the whole map.
    pub fn match_key(&self, key: impl AsRef<[u8]>) -> (Route, bool) {
        self.match_via(0, key, 0)
    }

    /// The pure map from a key, the route by which it came and the split hash
    /// (`Event::split_hash`) to its home placement. An empty key is refused; an unknown key goes
    /// where the route says (R1). A route that the configuration does not have gives a `Route` that
    /// the router refuses as internal. The flag is false exactly when the request will be refused.
    pub fn match_via(&self, via: u16, key: impl AsRef<[u8]>, split: u64) -> (Route, bool) {
        let key = key.as_ref();
        if key.is_empty() {
            return (Route { placement: -1, refuse: Class::NO_KEY, ..Route::default() }, false);
        }
        let hash = hash_string(key);
        let nowhere = Route { key: hash, ring: self.crc32(key), placement: -1, ..Route::default() };
        let Some(r) = self.routes.get(usize::from(via)) else { return (nowhere, false) };
        if let Some(home) = self.tables[r.table as usize].find(key, hash) {
            let p = if home < 0 { self.splits[!home as usize].draw(hash, split) } else { home };
            let reason = self.placements[p as usize].kind;
            return (Route { placement: p, reason, ..nowhere }, true);
        }
        if r.fallback < 0 {
            return (Route { refuse: Class::UNKNOWN_KEY, ..nowhere }, false);
        }
        (Route { placement: r.fallback, reason: Reason::DEFAULT, ..nowhere }, true)
    }

    /// Returns the number of routes, at least 1.
    pub fn routes(&self) -> usize {
        self.routes.len()
    }

    /// Returns route `i`.
    pub fn route_info(&self, i: usize) -> RouteInfo {
        let r = &self.routes[i];
        RouteInfo { table: r.table as usize, unknown: r.fallback, status: r.status, multiple: self.routes.len() > 1 }
    }

    /// Returns what happens to unknown keys on route 0: the index of the placement that takes
    /// them, or -1 and the status that refuses them.
    pub fn unknown(&self) -> (i32, u16) {
        (self.routes[0].fallback, self.routes[0].status)
    }

    /// Returns the status of a request that no route takes.
    pub fn no_route_status(&self) -> u16 {
        self.no_route_status
    }

    /// Returns the number of key tables, at least 1.
    pub fn tables(&self) -> usize {
        self.tables.len()
    }

    /// Returns the name of table `i`, "" for table 0.
    pub fn table_name(&self, i: usize) -> &str {
        &self.tables[i].name
    }

    /// Returns the number of keys in table `i`.
    pub fn table_keys(&self, i: usize) -> usize {
        self.tables[i].keys.len()
    }

    /// Returns the i-th key of a table in ascending order and its home: the index of a placement,
    /// or below 0 the split `!home`.
    pub fn table_key(&self, table: usize, i: usize) -> (&[u8], i32) {
        let t = &self.tables[table];
        (&t.keys[i], t.placements[i])
    }

    /// Returns the home of a key in a table, as `table_key` does.
    pub fn table_home(&self, table: usize, key: impl AsRef<[u8]>) -> Option<i32> {
        let key = key.as_ref();
        self.tables[table].find(key, hash_string(key))
    }

    /// Returns the number of different splits.
    pub fn splits(&self) -> usize {
        self.splits.len()
    }

    /// Returns the parts of split `i` in ascending order of placement.
    pub fn split(&self, i: usize) -> Vec<Part> {
        let mut before = 0;
        let share = |p: &SplitPart| {
            let part = Part { placement: p.placement as usize, share: p.end - before };
            before = p.end;
            part
        };
        self.splits[i].0.iter().map(share).collect()
    }

    /// Returns the name of a home that `key` or `table_key` gave: that of the placement, or the
    /// text of the split, "cell-07 95% cell-12 5%".
    pub fn home_name(&self, home: i32) -> String {
        if home >= 0 {
            return self.placements[home as usize].name.to_string();
        }
        let named = |p: Part| format!("{} {}", self.placements[p.placement].name, percent(p.share));
        self.split(!home as usize).into_iter().map(named).collect::<Vec<_>>().join(" ")
    }
}

impl Compiler<'_> {
    /// Validates the splits, puts equal ones together and sorts them, so that neither their names
    /// nor their order change the configuration. Returns which of them each name stands for.
    fn compile_splits(&mut self) -> BTreeMap<String, i32> {
        let spec = self.spec;
        let mut named: Vec<Split> = Vec::with_capacity(spec.splits.len());
        for s in &spec.splits {
            let path = format!("splits.{}", s.name);
            if s.name.is_empty() || search_placements(&self.config.placements, &s.name).is_ok() {
                self.fail(&path, "has no name, or that of a placement", "give it a name of its own");
            }
            named.push(self.split(s, &path));
        }
        let mut all = named.clone();
        all.sort();
        all.dedup();
        if all.len() > MAX_SPLITS {
            let hint = format!("use at most {MAX_SPLITS}");
            self.fail("splits", format!("there are {} different ones", all.len()), hint);
        }
        let mut numbers = BTreeMap::new();
        for (split, s) in named.iter().zip(&spec.splits) {
            let at = all.binary_search(split).unwrap_or_default() as i32;
            if numbers.insert(s.name.clone(), at).is_some() {
                self.fail(format!("splits.{}", s.name), "is defined twice", "keep one of the two");
            }
        }
        self.config.splits = all;
        numbers
    }

    fn split(&mut self, s: &SplitSpec, path: &str) -> Split {
        let mut out: Vec<SplitPart> = Vec::new();
        let mut sum = 0_u64;
        for p in &s.parts {
            let found = search_placements(&self.config.placements, &p.placement);
            let at = found.unwrap_or_else(|at| at) as i32;
            if found.is_err() {
                let (what, hint) = (self.unknown(&p.placement), self.suggest(&p.placement));
                self.fail(format!("{path}.{}", p.placement), what, hint);
            } else if out.iter().any(|q| q.placement == at) {
                let hint = "give it the sum of both shares";
                self.fail(format!("{path}.{}", p.placement), "is there twice", hint);
            }
            sum += u64::from(p.share);
            out.push(SplitPart { placement: at, end: p.share });
        }
        let n = s.parts.len();
        if n == 0 || n > MAX_CANDIDATES {
            self.fail(path, format!("there are {n} parts"), format!("give 1 to {MAX_CANDIDATES}"));
        } else if sum != u64::from(MILLION) {
            let what = format!("the shares are {} in all", percent(sum.min(4_000_000_000) as u32));
            self.fail(path, what, "make them 100% in all");
        }
        out.sort_by_key(|p| p.placement);
        let mut before = 0_u32;
        for p in &mut out {
            p.end = p.end.wrapping_add(before);
            before = p.end;
        }
        Split(out)
    }

    /// Compiles tables, splits and routes.
    pub(crate) fn routing(&mut self) {
        let spec = self.spec;
        let splits = self.compile_splits();
        let first = self.table("", "keys", &spec.keys, &splits);
        self.config.tables.push(first);
        let n = spec.tables.len() + 1;
        if n > MAX_TABLES {
            self.fail("tables", format!("there are {n}"), format!("use at most {MAX_TABLES}"));
            return;
        }
        let mut order: Vec<&TableSpec> = spec.tables.iter().collect();
        order.sort_by(|a, b| a.name.cmp(&b.name));
        for (i, t) in order.iter().enumerate() {
            let path = format!("tables.{}", t.name);
            if !valid_name(&t.name) {
                self.fail(&path, NAME_FAULT, NAME_HINT);
            }
            if i > 0 && t.name == order[i - 1].name {
                self.fail(&path, "is defined twice", "keep one of the two");
            }
            let table = self.table(&t.name, &path, &t.keys, &splits);
            self.config.tables.push(table);
        }
        let n = spec.routes.len() + 1;
        if n > MAX_ROUTES {
            self.fail("routes", format!("there are {n}"), format!("use at most {MAX_ROUTES}"));
            return;
        }
        self.route(&spec.table, &spec.default, spec.unknown_status, "");
        for (i, r) in spec.routes.iter().enumerate() {
            self.route(&r.table, &r.default, r.unknown_status, &format!("routes[{}].", i + 1));
        }
        or_default(&mut self.config.no_route_status, Class::NO_ROUTE.row().status);
        let status = self.config.no_route_status;
        if !(400..=599).contains(&status) {
            self.fail("no_route.reject", format!("{status} is not an error status"), "use 400 to 599");
        }
    }

    /// Compiles one route; `path` is empty for route 0, whose settings stand at the top.
    fn route(&mut self, table: &str, default: &str, unknown_status: u16, path: &str) {
        let mut out = RouteConfig { table: 0, fallback: -1, status: unknown_status };
        or_default(&mut out.status, Class::UNKNOWN_KEY.row().status);
        if !(400..=599).contains(&out.status) {
            let what = format!("{} is not an error status", out.status);
            self.fail(format!("{path}unknown_key.reject"), what, "use 400 to 599");
        }
        match self.config.tables.iter().position(|t| *t.name == *table) {
            Some(at) => out.table = at as i32,
            None => {
                let what = format!("there is no table named {}", quote(table));
                self.fail(format!("{path}table"), what, "define it under tables, or leave it out for keys");
            }
        }
        if !default.is_empty() {
            let found = search_placements(&self.config.placements, default);
            if found.is_err() {
                let place = if path.is_empty() { "default".to_string() } else { format!("{path}unknown_key.to") };
                self.fail(place, self.unknown(default), self.suggest(default));
            }
            out.fallback = found.unwrap_or_else(|at| at) as i32;
        }
        self.config.routes.push(out);
    }

    fn table(&mut self, name: &str, path: &str, keys: &[KeySpec], splits: &BTreeMap<String, i32>) -> KeyTable {
        let mut sorted: Vec<&KeySpec> = keys.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(&b.key));
        let mut names = Vec::with_capacity(sorted.len());
        let mut homes = Vec::with_capacity(sorted.len());
        for (i, k) in sorted.iter().enumerate() {
            let placement = search_placements(&self.config.placements, &k.placement).ok().map(|p| p as i32);
            let home = placement.or_else(|| splits.get(&k.placement).map(|s| !s));
            if k.key.is_empty() {
                self.fail(path, "a key is empty", "an empty key can never match: remove it");
            } else if i > 0 && k.key == sorted[i - 1].key {
                self.fail(
                    format!("{path}.{}", String::from_utf8_lossy(&k.key)),
                    "is defined twice",
                    "keep one of the two",
                );
            } else if home.is_none() && self.errors.len() < MAX_ERRORS {
                let (what, hint) = (self.unknown(&k.placement), self.suggest(&k.placement));
                self.fail(format!("{path}.{}", String::from_utf8_lossy(&k.key)), what, hint);
            }
            names.push(k.key.as_slice().into());
            homes.push(home.unwrap_or(0));
        }
        if !self.errors.is_empty() {
            return KeyTable { name: name.into(), ..KeyTable::default() };
        }
        KeyTable::new(name, names, homes)
    }
}

/// Writes a share in parts per million as percents, without loss: 0.25%.
pub fn percent(share: u32) -> String {
    let (whole, rest) = (share / 10_000, share % 10_000);
    if rest == 0 {
        return format!("{whole}%");
    }
    format!("{whole}.{}%", format!("{rest:04}").trim_end_matches('0'))
}

//! Routes, key tables and splits (R1).

use crate::config::Config;
use crate::spec::KeySpec;
use alloc::string::String;
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

impl Config {
    /// Returns the number of keys in table `i`.
    pub fn table_keys(&self, i: usize) -> usize {
        self.tables[i].keys.len()
    }

    /// Returns the i-th key of a table in ascending order and its home: the index of a placement,
    /// or below 0 the split `!home`.
    pub fn table_key(&self, table: usize, i: usize) -> (&str, i32) {
        let t = &self.tables[table];
        (&t.keys[i], t.placements[i])
    }
}

/// Writes a share in parts per million as percents, without loss: 0.25%.
pub fn percent(share: u32) -> String {
    use alloc::format;
    let (whole, rest) = (share / 10_000, share % 10_000);
    if rest == 0 {
        return format!("{whole}%");
    }
    format!("{whole}.{}%", format!("{rest:04}").trim_end_matches('0'))
}

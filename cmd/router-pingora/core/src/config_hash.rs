//! The hash of a compiled configuration: which two are the same (R12).

use crate::class::Class;
use crate::config::{Config, NO_CAP, PlacementConfig};
use crate::digest::{mix_word, word};
use crate::guard::GuardSpec;
use crate::keytable::KeyTable;
use crate::random::hash_string;
use crate::spec::WhenFull;

// Tags of settings that later versions added. One at its default folds nothing, so that
// configurations without it keep their digest.
const TAG_EDGE: u64 = 1; // text for the edge
const TAG_QUEUE: u64 = 5; // R5's queue
const TAG_RETRIES: u64 = 6; // R11
const TAG_CAP: u64 = 20; // cap of an endpoint
const TAG_PANIC: u64 = 21; // panic of a placement
const TAG_SHARE: u64 = 22; // share of a tenant
const TAG_SHED: u64 = 23; // shares of priorities
const TAG_ADAPT: u64 = 24; // adaptive limit
const TAG_SPLITS: u64 = 40;
const TAG_TABLES: u64 = 41; // those after table 0
const TAG_ROUTES: u64 = 42; // those after route 0
const TAG_NO_ROUTE: u64 = 43; // another status than the default
const TAG_TABLE: u64 = 44; // of route 0, another than table 0
const TAG_GUARDS: u64 = 50; // R13
const TAG_RATIO: u64 = 70;
const TAG_BOUND: u64 = 71;
const TAG_DECAY: u64 = 72;
const TAG_SLOW_START: u64 = 73;
const TAG_SHARDS: u64 = 74;
const TAG_STICKY: u64 = 75;

/// A running hash of words in order.
struct Fold(u64);

const fn pair(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

impl Fold {
    fn word(&mut self, w: u64) {
        self.0 = mix_word(self.0, w);
    }

    fn int(&mut self, v: i64) {
        self.word(v as u64);
    }

    fn string(&mut self, s: &str) {
        self.bytes(s.as_bytes());
    }

    fn bytes(&mut self, b: &[u8]) {
        self.word(hash_string(b));
        self.word(b.len() as u64);
    }

    fn edge(&mut self, s: &str) {
        if !s.is_empty() {
            self.word(TAG_EDGE);
            self.string(s);
        }
    }

    fn guards(&mut self, g: GuardSpec) {
        if g.on() {
            self.word(TAG_GUARDS);
            self.word(pair(g.keys_rerouted, g.keys_removed));
            self.word(pair(g.endpoints_removed, g.limit_lowered));
        }
    }

    fn keys(&mut self, t: &KeyTable) {
        for (key, home) in t.keys.iter().zip(&t.placements) {
            self.bytes(key);
            self.word(word(*home));
        }
    }

    /// Folds what goes beyond one table, one route and whole placements.
    fn routing(&mut self, c: &Config) {
        if !c.splits.is_empty() {
            self.word(TAG_SPLITS);
            self.word(c.splits.len() as u64);
            for s in &c.splits {
                self.word(s.0.len() as u64);
                for p in &s.0 {
                    self.word(word(p.placement) << 32 | u64::from(p.end));
                }
            }
        }
        if c.tables.len() > 1 {
            self.word(TAG_TABLES);
            for t in &c.tables[1..] {
                self.string(&t.name);
                self.word(t.keys.len() as u64);
                self.keys(t);
            }
        }
        if c.routes[0].table > 0 {
            self.word(TAG_TABLE);
            self.word(word(c.routes[0].table));
        }
        if c.routes.len() > 1 {
            self.word(TAG_ROUTES);
            for r in &c.routes[1..] {
                self.word(word(r.table) << 32 | u64::from(r.fallback as u32));
                self.word(u64::from(r.status));
            }
        }
        if c.no_route_status != Class::NO_ROUTE.row().status {
            self.word(TAG_NO_ROUTE);
            self.word(u64::from(c.no_route_status));
        }
    }
}

impl Config {
    /// Folds the whole content into one word.
    pub(crate) fn hash(&self) -> u64 {
        let mut f = Fold(0);
        f.string(&self.version);
        f.word(word(self.routes[0].fallback));
        f.word(u64::from(self.routes[0].status));
        f.keys(&self.tables[0]);
        for p in &self.placements {
            p.hash(&mut f);
        }
        for e in &self.endpoints {
            f.string(&e.name);
            f.word(e.id);
            f.word(u64::from(e.weight));
            if e.limit != NO_CAP {
                f.word(TAG_CAP);
                f.word(word(e.limit));
            }
        }
        f.edge(&self.edge);
        f.routing(self);
        f.guards(self.guards);
        f.0
    }
}

impl PlacementConfig {
    fn hash(&self, f: &mut Fold) {
        f.string(&self.name);
        f.word(u64::from(self.kind.0));
        f.word(word(self.end - self.first));
        for &c in &self.candidates {
            f.word(word(c));
        }
        f.word(u64::from(self.last_resort.0) << 8 | u64::from(self.selection.0));
        f.word(word(self.limit.in_flight));
        f.word(word(self.limit.guests));
        f.word(u64::from(self.limit.when_full.0));
        f.int(self.body_max);
        let b = &self.breaker;
        f.word(u64::from(b.off));
        f.word(pair(b.failures, b.growth));
        f.int(b.open);
        f.int(b.open_max);
        f.word(pair(b.jitter, b.probes));
        f.word(pair(b.successes, b.max_open_percent));
        let h = &self.health;
        f.word(u64::from(h.off) << 1 | u64::from(h.start_unhealthy));
        f.string(&h.path);
        f.int(h.every);
        f.int(h.timeout);
        f.word(pair(h.fall, h.rise));
        let t = &self.timeouts;
        for d in [t.connect, t.response_header, t.request, t.body_idle, t.upstream_idle, t.settle] {
            f.int(d);
        }
        self.hash_waits(f);
        f.edge(&self.edge);
        if self.panic_percent != 0 {
            f.word(TAG_PANIC);
            f.word(u64::from(self.panic_percent) << 8 | u64::from(self.panic_do.0));
        }
        self.hash_shares(f);
        self.hash_choice(f);
    }

    /// Folds the queue and the retries in, where they are set.
    fn hash_waits(&self, f: &mut Fold) {
        let l = &self.limit;
        if l.when_full == WhenFull::QUEUE {
            f.word(TAG_QUEUE);
            f.word(word(l.queue) << 8 | u64::from(l.order.0));
            f.int(l.wait);
        }
        let s = &self.retries;
        if s.max > 0 {
            f.word(TAG_RETRIES);
            f.word(
                u64::from(s.max) << 24 | u64::from(s.on.0) << 16 | u64::from(s.methods.0) << 8 | u64::from(s.no_budget),
            );
            f.int(s.back_off);
            f.int(s.back_off_max);
            f.int(s.retry_after);
            f.word(pair(s.percent, s.floor));
            f.int(s.body_max);
        }
    }

    /// Folds how the room is shared out, where it is.
    fn hash_shares(&self, f: &mut Fold) {
        let l = &self.limit;
        if l.tenant_share != 0 {
            f.word(TAG_SHARE);
            f.word(u64::from(l.tenant_share));
        }
        if l.priorities[0] != 0 {
            f.word(TAG_SHED);
            for share in l.priorities {
                f.word(u64::from(share));
            }
        }
        let a = &l.adaptive;
        if a.on() {
            f.word(TAG_ADAPT);
            f.word(word(a.min) << 32 | word(a.max));
            f.word(word(a.start) << 32 | u64::from(a.tolerance));
            f.int(a.window);
            f.word(u64::from(a.remeasure));
        }
    }

    /// Folds what is set of selection and windows, each behind its tag.
    fn hash_choice(&self, f: &mut Fold) {
        let b = &self.breaker;
        if b.window != 0 {
            f.word(TAG_RATIO);
            f.word(pair(b.failure_ratio, b.slow_ratio));
            f.int(b.window);
            f.word(u64::from(b.min_requests));
            f.int(b.slow_call);
        }
        let x = &self.choice;
        for (tag, value) in [
            (TAG_BOUND, u64::from(x.bound)),
            (TAG_DECAY, x.decay as u64),
            (TAG_SLOW_START, x.slow_start as u64),
            (TAG_SHARDS, u64::from(x.shards)),
        ] {
            if value != 0 {
                f.word(tag);
                f.word(value);
            }
        }
        if !x.sticky.cookie.is_empty() {
            f.word(TAG_STICKY);
            f.string(&x.sticky.cookie);
            f.int(x.sticky.ttl);
        }
    }
}

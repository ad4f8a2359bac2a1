//! Configurations as JSON: lower_snake names, zero values left out, durations in ns, shares as core has
//! them. Each struct is written and read by one list of its members, in the canonical order.

use lockstep_core::{
    AdaptiveSpec, BreakerSpec, EndpointSpec, GuardSpec, HealthSpec, KeySpec, LastResort, LimitSpec, MAX_PRIORITIES,
    PanicMode, PartSpec, PlacementSpec, Policy, QueueOrder, Reason, RetryMethods, RetryOn, RetrySpec, RouteSpec, Spec,
    SplitSpec, StickySpec, TableSpec, TimeoutSpec, WhenFull,
};

use crate::enums::Enum;
use crate::json::{Scanner, append_int, append_string, append_uint, lossy};

/// The canonical JSON of a configuration.
pub fn encode_spec(s: &Spec) -> Vec<u8> {
    let mut dst = Vec::new();
    append_spec(&mut dst, s);
    dst
}

/// Reads what [`encode_spec`] wrote. A member that is not known, or is there twice, is an error.
pub fn decode_spec(b: &[u8]) -> Result<Spec, String> {
    let mut s = Scanner::new(b);
    let spec = s.spec();
    s.end();
    s.done(spec).map_err(|e| format!("reading a configuration: {e}"))
}

pub(crate) fn append_spec(dst: &mut Vec<u8>, s: &Spec) {
    let mut o = Object::open(dst);
    o.always("version", &s.version);
    if !s.keys.is_empty() {
        o.keys("keys", &s.keys);
    }
    o.text("default", &s.default);
    o.uint("unknown_status", s.unknown_status);
    o.flag("chain_fallbacks", s.chain_fallbacks);
    o.list("placements", &s.placements, append_placement);
    o.text("edge", &s.edge);
    o.some("tables", &s.tables, |o, t: &TableSpec| {
        o.always("name", &t.name);
        o.keys("keys", &t.keys);
    });
    o.text("table", &s.table);
    o.some("routes", &s.routes, |o, r: &RouteSpec| {
        o.text("table", &r.table);
        o.text("default", &r.default);
        o.uint("unknown_status", r.unknown_status);
    });
    o.some("splits", &s.splits, |o, s: &SplitSpec| {
        o.always("name", &s.name);
        o.list("parts", &s.parts, |o, p: &PartSpec| {
            o.always("placement", &p.placement);
            o.uint("share", p.share);
        });
    });
    o.uint("no_route_status", s.no_route_status);
    o.object("guards", &s.guards, |o, g: &GuardSpec| {
        o.uint("keys_rerouted", g.keys_rerouted);
        o.uint("keys_removed", g.keys_removed);
        o.uint("endpoints_removed", g.endpoints_removed);
        o.uint("limit_lowered", g.limit_lowered);
    });
    o.close();
}

fn append_placement(o: &mut Object<'_>, p: &PlacementSpec) {
    o.always("name", &p.name);
    o.text("kind", Enum::Reason.print(p.kind.0));
    o.list("endpoints", &p.endpoints, |o, e: &EndpointSpec| {
        o.text("name", &e.name);
        o.always("url", &e.url);
        o.uint("weight", e.weight);
        o.uint("limit", e.limit);
    });
    if !p.fallback.is_empty() {
        o.array("fallback", &p.fallback, |b, f| append_text(b, f));
    }
    o.text("last_resort", Enum::LastResort.print(p.last_resort.0));
    o.text("select", Enum::Policy.print(p.select.0));
    o.uint("bound", p.bound);
    o.int("decay", p.decay);
    o.int("slow_start", p.slow_start);
    o.object("sticky", &p.sticky, |o, s: &StickySpec| {
        o.text("cookie", &s.cookie);
        o.int("ttl", s.ttl);
    });
    o.uint("shards", p.shards);
    o.object("limit", &p.limit, append_limit);
    o.int("body_max", p.body_max);
    o.object("breaker", &p.breaker, append_breaker);
    o.object("health", &p.health, |o, h: &HealthSpec| {
        o.flag("off", h.off);
        o.text("path", &h.path);
        o.int("every", h.every);
        o.int("timeout", h.timeout);
        o.uint("fall", h.fall);
        o.uint("rise", h.rise);
        o.flag("start_unhealthy", h.start_unhealthy);
    });
    o.object("timeouts", &p.timeouts, |o, t: &TimeoutSpec| {
        o.int("connect", t.connect);
        o.int("response_header", t.response_header);
        o.int("request", t.request);
        o.int("body_idle", t.body_idle);
        o.int("upstream_idle", t.upstream_idle);
        o.int("settle", t.settle);
    });
    o.object("retries", &p.retries, append_retries);
    o.uint("panic_percent", p.panic);
    o.text("panic", Enum::Panic.print(p.panic_do.0));
    o.text("edge", &p.edge);
}

fn append_limit(o: &mut Object<'_>, l: &LimitSpec) {
    o.int("in_flight", l.in_flight);
    o.int("guests", l.guests);
    o.text("when_full", Enum::WhenFull.print(l.when_full.0));
    o.int("queue", l.queue);
    o.int("wait", l.wait);
    o.text("order", Enum::QueueOrder.print(l.order.0));
    o.uint("tenant_share", l.tenant_share);
    let shares = written_shares(&l.priorities);
    if !shares.is_empty() {
        o.array("priorities", shares, |b, &share| append_uint(b, u64::from(share)));
    }
    o.object("adaptive", &l.adaptive, |o, a: &AdaptiveSpec| {
        o.int("min", a.min);
        o.int("max", a.max);
        o.int("start", a.start);
        o.int("window", a.window);
        o.uint("tolerance", a.tolerance);
        o.uint("remeasure", a.remeasure);
    });
}

/// Leaves out the last shares that say the same as the one before them.
fn written_shares(shares: &[u8; MAX_PRIORITIES]) -> &[u8] {
    let mut last = shares.len();
    while last > 0 && (shares[last - 1] == 0 || last > 1 && shares[last - 1] == shares[last - 2]) {
        last -= 1;
    }
    &shares[..last]
}

fn append_breaker(o: &mut Object<'_>, b: &BreakerSpec) {
    o.flag("off", b.off);
    o.uint("failures", b.failures);
    o.int("open", b.open);
    o.uint("growth", b.growth);
    o.int("open_max", b.open_max);
    o.uint("jitter", b.jitter);
    o.uint("probes", b.probes);
    o.uint("successes", b.successes);
    o.uint("max_open_percent", b.max_open_percent);
    o.uint("failure_ratio", b.failure_ratio);
    o.uint("slow_ratio", b.slow_ratio);
    o.int("window", b.window);
    o.uint("min_requests", b.min_requests);
    o.int("slow_call", b.slow_call);
    o.text("preset", &b.preset);
}

fn append_retries(o: &mut Object<'_>, r: &RetrySpec) {
    o.uint("max", r.max);
    o.uint("on", r.on.0);
    o.text("methods", Enum::RetryMethods.print(r.methods.0));
    o.int("backoff", r.back_off);
    o.int("backoff_max", r.back_off_max);
    o.int("retry_after_max", r.retry_after);
    o.uint("percent", r.percent);
    o.uint("floor", r.floor);
    o.flag("no_budget", r.no_budget);
    o.int("body_max", r.body_max);
}

/// Writes the members of one object, leaving out what is zero.
struct Object<'a> {
    dst: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    fn open(dst: &'a mut Vec<u8>) -> Self {
        dst.push(b'{');
        Object { dst, first: true }
    }

    fn close(self) {
        self.dst.push(b'}');
    }

    fn name(&mut self, name: &str) {
        if !self.first {
            self.dst.push(b',');
        }
        self.first = false;
        self.dst.push(b'"');
        self.dst.extend_from_slice(name.as_bytes());
        self.dst.extend_from_slice(b"\":");
    }

    /// A string, empty or not.
    fn always(&mut self, name: &str, v: &str) {
        self.name(name);
        append_text(self.dst, v);
    }

    fn text(&mut self, name: &str, v: &str) {
        if !v.is_empty() {
            self.always(name, v);
        }
    }

    fn uint(&mut self, name: &str, v: impl Into<u32>) {
        let v = v.into();
        if v != 0 {
            self.name(name);
            append_uint(self.dst, u64::from(v));
        }
    }

    fn int(&mut self, name: &str, v: impl Into<i64>) {
        let v = v.into();
        if v != 0 {
            self.name(name);
            append_int(self.dst, v);
        }
    }

    fn flag(&mut self, name: &str, v: bool) {
        if v {
            self.name(name);
            self.dst.extend_from_slice(b"true");
        }
    }

    fn object<T: Default + PartialEq>(&mut self, name: &str, v: &T, members: impl FnOnce(&mut Object<'_>, &T)) {
        if *v == T::default() {
            return;
        }
        self.name(name);
        let mut o = Object::open(self.dst);
        members(&mut o, v);
        o.close();
    }

    fn array<T>(&mut self, name: &str, list: &[T], mut element: impl FnMut(&mut Vec<u8>, &T)) {
        self.name(name);
        self.dst.push(b'[');
        for (i, v) in list.iter().enumerate() {
            if i > 0 {
                self.dst.push(b',');
            }
            element(self.dst, v);
        }
        self.dst.push(b']');
    }

    /// An array of objects, empty or not.
    fn list<T>(&mut self, name: &str, list: &[T], members: impl Fn(&mut Object<'_>, &T)) {
        self.array(name, list, |dst, v| {
            let mut o = Object::open(dst);
            members(&mut o, v);
            o.close();
        });
    }

    fn some<T>(&mut self, name: &str, list: &[T], members: impl Fn(&mut Object<'_>, &T)) {
        if !list.is_empty() {
            self.list(name, list, members);
        }
    }

    /// Keys, which may be any bytes, in the order given.
    fn keys(&mut self, name: &str, keys: &[KeySpec]) {
        self.name(name);
        self.dst.push(b'{');
        for (i, k) in keys.iter().enumerate() {
            if i > 0 {
                self.dst.push(b',');
            }
            append_string(self.dst, &k.key);
            self.dst.push(b':');
            append_string(self.dst, k.placement.as_bytes());
        }
        self.dst.push(b'}');
    }
}

/// Appends a string of a configuration other than a key or its placement. These have the short escapes
/// of control characters, and escape the line and paragraph separators too.
fn append_text(dst: &mut Vec<u8>, s: &str) {
    dst.push(b'"');
    for c in s.chars() {
        let short = match c {
            '"' | '\\' => c,
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\0'..' ' | '\u{2028}' | '\u{2029}' => {
                dst.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                continue;
            }
            _ => {
                dst.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        dst.extend_from_slice(&[b'\\', short as u8]);
    }
    dst.push(b'"');
}

impl Scanner<'_> {
    /// Reads an object, each member at most once.
    fn object(&mut self, each: impl FnMut(&mut Self, &[u8]) -> bool) {
        self.expect(b'{');
        self.members(true, each);
    }

    /// Reads a configuration.
    pub fn spec(&mut self) -> Spec {
        let mut v = Spec::default();
        self.object(|s, name| {
            match name {
                b"version" => v.version = s.text(),
                b"keys" => v.keys = s.keys(),
                b"default" => v.default = s.text(),
                b"unknown_status" => v.unknown_status = s.number(),
                b"chain_fallbacks" => v.chain_fallbacks = s.bool(),
                b"placements" => s.elements(|s| v.placements.push(s.placement())),
                b"edge" => v.edge = s.text(),
                b"tables" => s.elements(|s| v.tables.push(s.table())),
                b"table" => v.table = s.text(),
                b"routes" => s.elements(|s| v.routes.push(s.route())),
                b"splits" => s.elements(|s| v.splits.push(s.split())),
                b"no_route_status" => v.no_route_status = s.number(),
                b"guards" => v.guards = s.guards(),
                _ => return false,
            }
            true
        });
        v
    }

    fn keys(&mut self) -> Vec<KeySpec> {
        let mut keys = Vec::new();
        self.expect(b'{');
        let mut first = true;
        while let Some(key) = self.key(first) {
            first = false;
            keys.push(KeySpec { key: key.into_owned(), placement: self.text() });
        }
        keys
    }

    fn table(&mut self) -> TableSpec {
        let mut v = TableSpec::default();
        self.object(|s, name| {
            match name {
                b"name" => v.name = s.text(),
                b"keys" => v.keys = s.keys(),
                _ => return false,
            }
            true
        });
        v
    }

    fn route(&mut self) -> RouteSpec {
        let mut v = RouteSpec::default();
        self.object(|s, name| {
            match name {
                b"table" => v.table = s.text(),
                b"default" => v.default = s.text(),
                b"unknown_status" => v.unknown_status = s.number(),
                _ => return false,
            }
            true
        });
        v
    }

    fn split(&mut self) -> SplitSpec {
        let mut v = SplitSpec::default();
        self.object(|s, name| {
            match name {
                b"name" => v.name = s.text(),
                b"parts" => s.elements(|s| v.parts.push(s.part())),
                _ => return false,
            }
            true
        });
        v
    }

    fn part(&mut self) -> PartSpec {
        let mut v = PartSpec::default();
        self.object(|s, name| {
            match name {
                b"placement" => v.placement = s.text(),
                b"share" => v.share = s.number(),
                _ => return false,
            }
            true
        });
        v
    }

    fn guards(&mut self) -> GuardSpec {
        let mut v = GuardSpec::default();
        self.object(|s, name| {
            match name {
                b"keys_rerouted" => v.keys_rerouted = s.number(),
                b"keys_removed" => v.keys_removed = s.number(),
                b"endpoints_removed" => v.endpoints_removed = s.number(),
                b"limit_lowered" => v.limit_lowered = s.number(),
                _ => return false,
            }
            true
        });
        v
    }

    fn placement(&mut self) -> PlacementSpec {
        let mut v = PlacementSpec::default();
        self.object(|s, name| {
            match name {
                b"name" => v.name = s.text(),
                b"kind" => v.kind = Reason(s.named(Enum::Reason)),
                b"endpoints" => s.elements(|s| v.endpoints.push(s.endpoint())),
                b"fallback" => s.elements(|s| v.fallback.push(s.text())),
                b"last_resort" => v.last_resort = LastResort(s.named(Enum::LastResort)),
                b"select" => v.select = Policy(s.named(Enum::Policy)),
                b"bound" => v.bound = s.number(),
                b"decay" => v.decay = s.int(),
                b"slow_start" => v.slow_start = s.int(),
                b"sticky" => v.sticky = s.sticky(),
                b"shards" => v.shards = s.number(),
                b"limit" => v.limit = s.limit(),
                b"body_max" => v.body_max = s.int(),
                b"breaker" => v.breaker = s.breaker(),
                b"health" => v.health = s.health(),
                b"timeouts" => v.timeouts = s.timeouts(),
                b"retries" => v.retries = s.retries(),
                b"panic_percent" => v.panic = s.number(),
                b"panic" => v.panic_do = PanicMode(s.named(Enum::Panic)),
                b"edge" => v.edge = s.text(),
                _ => return false,
            }
            true
        });
        v
    }

    fn endpoint(&mut self) -> EndpointSpec {
        let mut v = EndpointSpec::default();
        self.object(|s, name| {
            match name {
                b"name" => v.name = s.text(),
                b"url" => v.url = s.text(),
                b"weight" => v.weight = s.number(),
                b"limit" => v.limit = s.number(),
                _ => return false,
            }
            true
        });
        v
    }

    fn sticky(&mut self) -> StickySpec {
        let mut v = StickySpec::default();
        self.object(|s, name| {
            match name {
                b"cookie" => v.cookie = s.text(),
                b"ttl" => v.ttl = s.int(),
                _ => return false,
            }
            true
        });
        v
    }

    fn limit(&mut self) -> LimitSpec {
        let mut v = LimitSpec::default();
        self.object(|s, name| {
            match name {
                b"in_flight" => v.in_flight = s.number(),
                b"guests" => v.guests = s.number(),
                b"when_full" => v.when_full = WhenFull(s.named(Enum::WhenFull)),
                b"queue" => v.queue = s.number(),
                b"wait" => v.wait = s.int(),
                b"order" => v.order = QueueOrder(s.named(Enum::QueueOrder)),
                b"tenant_share" => v.tenant_share = s.number(),
                b"priorities" => v.priorities = s.shares(),
                b"adaptive" => v.adaptive = s.adaptive(),
                _ => return false,
            }
            true
        });
        v
    }

    /// A share out of range becomes one that compile refuses.
    fn shares(&mut self) -> [u8; MAX_PRIORITIES] {
        let (mut shares, mut n, mut good) = ([0; MAX_PRIORITIES], 0, true);
        self.elements(|s| {
            let share = s.int();
            good &= n < MAX_PRIORITIES && (0..=100).contains(&share);
            if good {
                shares[n] = share as u8;
            }
            n += 1;
        });
        if !good {
            shares[0] = 255;
        }
        shares
    }

    fn adaptive(&mut self) -> AdaptiveSpec {
        let mut v = AdaptiveSpec::default();
        self.object(|s, name| {
            match name {
                b"min" => v.min = s.number(),
                b"max" => v.max = s.number(),
                b"start" => v.start = s.number(),
                b"window" => v.window = s.int(),
                b"tolerance" => v.tolerance = s.number(),
                b"remeasure" => v.remeasure = s.number(),
                _ => return false,
            }
            true
        });
        v
    }

    fn breaker(&mut self) -> BreakerSpec {
        let mut v = BreakerSpec::default();
        self.object(|s, name| {
            match name {
                b"off" => v.off = s.bool(),
                b"failures" => v.failures = s.number(),
                b"open" => v.open = s.int(),
                b"growth" => v.growth = s.number(),
                b"open_max" => v.open_max = s.int(),
                b"jitter" => v.jitter = s.number(),
                b"probes" => v.probes = s.number(),
                b"successes" => v.successes = s.number(),
                b"max_open_percent" => v.max_open_percent = s.number(),
                b"failure_ratio" => v.failure_ratio = s.number(),
                b"slow_ratio" => v.slow_ratio = s.number(),
                b"window" => v.window = s.int(),
                b"min_requests" => v.min_requests = s.number(),
                b"slow_call" => v.slow_call = s.int(),
                b"preset" => v.preset = s.text(),
                _ => return false,
            }
            true
        });
        v
    }

    fn health(&mut self) -> HealthSpec {
        let mut v = HealthSpec::default();
        self.object(|s, name| {
            match name {
                b"off" => v.off = s.bool(),
                b"path" => v.path = s.text(),
                b"every" => v.every = s.int(),
                b"timeout" => v.timeout = s.int(),
                b"fall" => v.fall = s.number(),
                b"rise" => v.rise = s.number(),
                b"start_unhealthy" => v.start_unhealthy = s.bool(),
                _ => return false,
            }
            true
        });
        v
    }

    fn timeouts(&mut self) -> TimeoutSpec {
        let mut v = TimeoutSpec::default();
        self.object(|s, name| {
            match name {
                b"connect" => v.connect = s.int(),
                b"response_header" => v.response_header = s.int(),
                b"request" => v.request = s.int(),
                b"body_idle" => v.body_idle = s.int(),
                b"upstream_idle" => v.upstream_idle = s.int(),
                b"settle" => v.settle = s.int(),
                _ => return false,
            }
            true
        });
        v
    }

    fn retries(&mut self) -> RetrySpec {
        let mut v = RetrySpec::default();
        self.object(|s, name| {
            match name {
                b"max" => v.max = s.number(),
                b"on" => v.on = RetryOn(s.number()),
                b"methods" => v.methods = RetryMethods(s.named(Enum::RetryMethods)),
                b"backoff" => v.back_off = s.int(),
                b"backoff_max" => v.back_off_max = s.int(),
                b"retry_after_max" => v.retry_after = s.int(),
                b"percent" => v.percent = s.number(),
                b"floor" => v.floor = s.number(),
                b"no_budget" => v.no_budget = s.bool(),
                b"body_max" => v.body_max = s.int(),
                _ => return false,
            }
            true
        });
        v
    }

    /// Reads the name of a value; the empty one is its zero.
    fn named(&mut self, of: Enum) -> u8 {
        let name = self.string();
        if name.is_empty() {
            return 0;
        }
        of.value(&name).unwrap_or_else(|| {
            self.fail(format_args!("{:?} is not a value of it", lossy(&name)));
            0
        })
    }
}

//! Compile: from names to numbers, with everything that is wrong said at once.

use crate::config::{Config, EndpointConfig, NO_CAP, PlacementConfig};
use crate::decision::Reason;
use crate::inflight::MAX_IN_FLIGHT;
use crate::nearest::nearest;
use crate::panic::{PANIC_MODES, PanicMode};
use crate::random::{hash_string, identity};
use crate::spec::*;
use crate::time::{Duration, MAX_DURATION, MILLISECOND, SECOND};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// One thing wrong with a Spec.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpecError {
    /// Where, in the names of the native form: `placements.cell-07.fallback[1]`.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// How to mend it; "" for no advice.
    pub hint: String,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// Everything wrong with a Spec, in the order found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CompileError {
    /// Each thing, at least one, at most a hundred.
    pub errors: Vec<SpecError>,
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.errors.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            e.fmt(f)?;
        }
        Ok(())
    }
}

impl core::error::Error for CompileError {}
impl core::error::Error for SpecError {}

/// Carries what compiling has found so far.
pub(crate) struct Compiler<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) config: Config,
    pub(crate) errors: Vec<SpecError>,
    /// Maglev tables made so far, to bound their memory.
    pub(crate) maglevs: usize,
    /// Points of ketama rings made so far, to bound their memory.
    pub(crate) points: usize,
}

impl Config {
    /// Validates `s` and turns it into a `Config`. The error names every fault found, not only the
    /// first.
    pub fn compile(s: &Spec) -> Result<Arc<Config>, CompileError> {
        let config = Config {
            version: s.version.as_str().into(),
            digest: 0,
            tables: Vec::new(),
            routes: Vec::new(),
            splits: Vec::new(),
            no_route_status: s.no_route_status,
            placements: Vec::new(),
            endpoints: Vec::new(),
            guards: s.guards,
            edge: s.edge.as_str().into(),
            extras: false,
            crc: None,
        };
        let mut c = Compiler { spec: s, config, errors: Vec::new(), maglevs: 0, points: 0 };
        if s.version.is_empty() {
            c.fail("version", "is empty", "give this configuration a label, such as \"v1\"");
        }
        c.guards();
        c.placements();
        if c.errors.is_empty() {
            c.identities();
            c.fallbacks();
            c.routing();
        }
        if !c.errors.is_empty() {
            return Err(CompileError { errors: c.errors });
        }
        c.config.digest = c.config.hash();
        Ok(Arc::new(c.config))
    }
}

/// Bounds what is worth reading, and the time to find it in a million bad keys.
pub(crate) const MAX_ERRORS: usize = 100;

impl Compiler<'_> {
    pub(crate) fn fail(&mut self, path: impl Into<String>, what: impl Into<String>, hint: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(SpecError { path: path.into(), what: what.into(), hint: hint.into() });
        }
    }

    fn placements(&mut self) {
        let spec = self.spec;
        let n = spec.placements.len();
        if n == 0 || n > MAX_PLACEMENTS {
            self.fail("placements", format!("there are {n}"), format!("give 1 to {MAX_PLACEMENTS}"));
            return;
        }
        let mut order: Vec<&PlacementSpec> = spec.placements.iter().collect();
        order.sort_by(|a, b| a.name.cmp(&b.name));
        for (k, p) in order.iter().enumerate() {
            let path = format!("placements.{}", p.name);
            if !valid_name(&p.name) {
                self.fail(&path, NAME_FAULT, NAME_HINT);
            }
            if k > 0 && p.name == order[k - 1].name {
                self.fail(&path, "is defined twice", "keep one of the two");
            }
            self.placement(p, &path);
        }
    }

    fn placement(&mut self, p: &PlacementSpec, path: &str) {
        self.ranges(p, path);
        self.panic_of(p, path);
        let limit = self.ration(p.limit, &format!("{path}.limit"));
        if p.body_max < 0 {
            let hint = "use 1 byte or more, or leave it out for no limit";
            self.fail(format!("{path}.body_max"), "is negative", hint);
        }
        let mut out = PlacementConfig {
            name: p.name.as_str().into(),
            id: hash_string(&p.name),
            kind: kind_of(p),
            last_resort: p.last_resort,
            selection: p.select,
            limit,
            body_max: p.body_max,
            breaker: self.breaker(&p.breaker, &format!("{path}.breaker")),
            health: self.health(&p.health, &format!("{path}.health")),
            timeouts: self.timeouts(p.timeouts, &format!("{path}.timeouts")),
            retries: self.retries(p.retries, &format!("{path}.retries")),
            first: self.config.endpoints.len() as i32,
            shares: limit.tenant_share != 0 || limit.priorities[0] != 0 || limit.adaptive.on(),
            edge: p.edge.as_str().into(),
            panic_percent: p.panic,
            panic_do: p.panic_do,
            ..PlacementConfig::default()
        };
        self.queue(&p.limit, out.timeouts.request, &format!("{path}.limit"));
        self.choice(p, path, &mut out);
        self.endpoints(p, path, &mut out);
        self.tables(path, &mut out);
        self.config.placements.push(out);
    }

    /// Checks the enumerations of a placement and the numbers of its limit.
    fn ranges(&mut self, p: &PlacementSpec, path: &str) {
        if p.kind > Reason::TIER {
            self.fail(format!("{path}.kind"), "is not a kind of placement", "use dedicated or tier");
        }
        if p.select.0 >= POLICIES {
            let hint = "use round_robin, least_request, rendezvous, first, ketama, maglev or ewma";
            self.fail(format!("{path}.select"), "is not a selection policy", hint);
        }
        if p.limit.when_full > WhenFull::QUEUE || p.last_resort > LastResort::REFUSE {
            self.fail(path, "when_full or last_resort is out of range", "use the named constants");
        }
        let l = &p.limit;
        if l.in_flight < 0 {
            let hint = "use 1 or more, or leave it out for no limit";
            self.fail(format!("{path}.limit.in_flight"), "is negative", hint);
        }
        if l.guests < -1 {
            let hint = "use 0 for none, or leave it out for no cap";
            self.fail(format!("{path}.limit.guests"), "is negative", hint);
        }
        if l.in_flight > 0 && l.guests > l.in_flight {
            let hint = format!("guests are part of in_flight: use at most {}", l.in_flight);
            self.fail(format!("{path}.limit.guests"), "is above in_flight", hint);
        }
    }

    /// Checks R9.
    fn panic_of(&mut self, p: &PlacementSpec, path: &str) {
        if p.panic > 100 {
            let hint = "use 1 % to 100 %, or leave it out for no panic";
            self.fail(format!("{path}.panic_percent"), "is above 100 %", hint);
        }
        if p.panic_do.0 >= PANIC_MODES {
            let what = "is not what a placement in panic can do";
            self.fail(format!("{path}.panic"), what, "use all, fail or fail_over");
        }
        if p.panic == 0 && p.panic_do != PanicMode::ALL {
            let what = "says what to do in panic, and there is none without panic_percent";
            self.fail(format!("{path}.panic"), what, "add panic_percent, or remove panic");
        }
    }

    fn endpoints(&mut self, p: &PlacementSpec, path: &str, out: &mut PlacementConfig) {
        let n = p.endpoints.len();
        if n == 0 || n > MAX_ENDPOINTS {
            let hint = format!("give 1 to {MAX_ENDPOINTS}");
            self.fail(format!("{path}.endpoints"), format!("there are {n}"), hint);
        }
        for (i, e) in p.endpoints.iter().enumerate() {
            self.endpoint(e, &format!("{path}.endpoints[{i}]"));
            let weight = weight_or_100(e.weight);
            out.capped |= e.limit != 0;
            out.weighted |= weight != weight_or_100(p.endpoints[0].weight);
            self.config.endpoints.push(EndpointConfig {
                name: if e.name.is_empty() { &e.url } else { &e.name }.as_str().into(),
                url: e.url.as_str().into(),
                id: identity(&p.name, &e.url),
                placement: self.config.placements.len() as i32,
                weight,
                limit: cap_of(e.limit),
            });
        }
        out.end = self.config.endpoints.len() as i32;
        let mut sorted = self.config.endpoints[out.first as usize..].to_vec();
        sorted.sort_by(|a, b| a.url.cmp(&b.url));
        for pair in sorted.windows(2) {
            if pair[0].url == pair[1].url {
                let what = format!("two endpoints have the URL {}", pair[0].url);
                self.fail(format!("{path}.endpoints"), what, "keep one; give it the weight of both");
            }
        }
        if out.selection != Policy::FIRST {
            self.config.endpoints.truncate(out.first as usize);
            self.config.endpoints.append(&mut sorted);
        }
    }

    fn endpoint(&mut self, e: &EndpointSpec, at: &str) {
        if e.limit as usize > MAX_IN_FLIGHT {
            let hint = "use 1 or more, or leave it out for no cap";
            self.fail(format!("{at}.limit"), format!("is above {MAX_IN_FLIGHT}"), hint);
        }
        if let Some(what) = url_fault(&e.url) {
            self.fail(format!("{at}.url"), what, "write it as http://host:port or https://host:port");
        }
        if e.weight > 10_000 {
            self.fail(format!("{at}.weight"), "is above 10000 %", "weights are relative: use smaller ones");
        }
    }

    /// Refuses two endpoints, or two placements, whose hashes collide: the router would take them
    /// for one. Nobody has seen it happen by chance.
    fn identities(&mut self) {
        let c = &self.config;
        let mut ids: Vec<u64> = c.placements.iter().map(|p| p.id).chain(c.endpoints.iter().map(|e| e.id)).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() < all || ids.first() == Some(&0) {
            let hint = "change one name or URL by a character";
            self.fail("placements", "two names or URLs have the same hash", hint);
        }
    }

    fn breaker(&mut self, spec: &BreakerSpec, path: &str) -> BreakerSpec {
        let mut b = spec.clone();
        self.preset(&mut b, path);
        self.ratios(&mut b, path);
        or_default(&mut b.failures, 5);
        or_default(&mut b.open, 30 * SECOND);
        or_default(&mut b.growth, 1_000_000);
        let usual = b.open.max(b.open.min(MAX_DURATION / 10).wrapping_mul(10));
        or_default(&mut b.open_max, usual);
        or_default(&mut b.probes, 1);
        or_default(&mut b.successes, 1);
        or_default(&mut b.max_open_percent, 100);
        self.duration(b.open, &format!("{path}.open"));
        if b.open <= MAX_DURATION {
            self.duration(b.open_max, &format!("{path}.open_max"));
        }
        if b.open_max < b.open {
            self.fail(format!("{path}.open_max"), "is below open", "use at least the value of open");
        }
        if b.growth < 1_000_000 || b.growth > 10_000_000 {
            let hint = "use 1 for a constant open time, 2 to double it";
            self.fail(format!("{path}.grow"), "is outside 1 to 10", hint);
        }
        if b.jitter > 1_000_000 {
            self.fail(format!("{path}.jitter"), "is above 100 %", "use 0 % to 100 %");
        }
        if b.probes as usize > MAX_PROBES {
            let (what, hint) = (format!("is above {MAX_PROBES}"), format!("use 1 to {MAX_PROBES}"));
            self.fail(format!("{path}.half_open_probes"), what, hint);
        }
        if b.max_open_percent > 100 {
            self.fail(format!("{path}.max_open"), "is above 100 %", "use 1 % to 100 %");
        }
        b
    }

    fn health(&mut self, spec: &HealthSpec, path: &str) -> HealthSpec {
        let mut h = spec.clone();
        if h.path.is_empty() {
            h.path = "/health".to_string();
        }
        or_default(&mut h.every, 10 * SECOND);
        or_default(&mut h.timeout, 2 * SECOND);
        or_default(&mut h.fall, 3);
        or_default(&mut h.rise, 2);
        self.duration(h.every, &format!("{path}.every"));
        self.duration(h.timeout, &format!("{path}.timeout"));
        if !h.path.starts_with('/') {
            self.fail(format!("{path}.get"), "does not begin with /", "write it as /health");
        }
        h
    }

    fn timeouts(&mut self, mut t: TimeoutSpec, path: &str) -> TimeoutSpec {
        self.timeout(&mut t.connect, 5 * SECOND, &format!("{path}.connect"));
        self.timeout(&mut t.response_header, 10 * SECOND, &format!("{path}.response_header"));
        self.timeout(&mut t.request, 30 * SECOND, &format!("{path}.request"));
        self.timeout(&mut t.body_idle, 60 * SECOND, &format!("{path}.body_idle"));
        self.timeout(&mut t.upstream_idle, 90 * SECOND, &format!("{path}.upstream_idle"));
        self.timeout(&mut t.settle, SECOND, &format!("{path}.settle"));
        t
    }

    pub(crate) fn timeout(&mut self, d: &mut Duration, value: Duration, path: &str) {
        or_default(d, value);
        self.duration(*d, path);
    }

    pub(crate) fn duration(&mut self, d: Duration, path: &str) {
        if !(MILLISECOND..=MAX_DURATION).contains(&d) {
            self.fail(path, "is outside 1ms to 30 days", "write a length of time with its unit, such as 5s");
        }
    }

    pub(crate) fn unknown(&self, name: &str) -> String {
        format!("there is no placement named {}", quote(name))
    }

    /// Names the placement that is nearest to what was written.
    pub(crate) fn suggest(&self, name: &str) -> String {
        let names: Vec<&str> = self.config.placements.iter().map(|p| &*p.name).collect();
        match nearest(name, &names) {
            "" => "define it under placements, or name one that is there".to_string(),
            best => format!("did you mean {}?", quote(best)),
        }
    }
}

pub(crate) const NAME_FAULT: &str = "the name is empty, too long or not printable ASCII";
pub(crate) const NAME_HINT: &str = "use 1 to 200 characters from ! to ~";

/// Accepts names that can stand in a response header and a log line as they are.
pub(crate) fn valid_name(s: &str) -> bool {
    !s.is_empty() && s.len() <= 200 && s.bytes().all(|b| (b'!'..=b'~').contains(&b))
}

fn kind_of(p: &PlacementSpec) -> Reason {
    match p.name.as_str() {
        _ if p.kind != Reason::NONE => p.kind,
        "tier1" | "tier2" | "tier3" => Reason::TIER,
        _ => Reason::DEDICATED,
    }
}

/// Turns the cap of a Spec into one to compare with.
fn cap_of(limit: u32) -> i32 {
    if limit == 0 { NO_CAP } else { limit.min(MAX_IN_FLIGHT as u32) as i32 }
}

fn weight_or_100(w: u32) -> u32 {
    if w == 0 { 100 } else { w }
}

/// Says what keeps `s` from being an absolute http(s) URL with a host. The edge parses URLs in
/// full; this is the part that core relies on.
fn url_fault(s: &str) -> Option<String> {
    let Some(rest) = s.strip_prefix("http://").or_else(|| s.strip_prefix("https://")) else {
        return Some(format!("is not an absolute http or https URL: {}", quote(s)));
    };
    if s.bytes().any(|b| b <= b' ' || b == 0x7f) {
        return Some(format!("has a space or control character: {}", quote(s)));
    }
    let host = rest.split('/').next().unwrap_or("");
    if host.is_empty() || host.starts_with(':') {
        return Some(format!("has no host: {}", quote(s)));
    }
    None
}

/// Fills in what is left at zero.
pub(crate) fn or_default<T: Default + PartialEq>(v: &mut T, value: T) {
    if *v == T::default() {
        *v = value;
    }
}

/// Writes a name in double quotes, what does not print escaped as Go writes it.
pub(crate) fn quote(s: &str) -> String {
    let mut out = String::from("\"");
    for c in s.chars() {
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\x07' => write!(out, "\\a"),
            '\x08' => write!(out, "\\b"),
            '\x0c' => write!(out, "\\f"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            '\x0b' => write!(out, "\\v"),
            ' '..='~' => write!(out, "{c}"),
            '\0'..='\x7f' => write!(out, "\\x{:02x}", c as u32),
            _ if c.is_alphanumeric() => write!(out, "{c}"),
            '\u{80}'..='\u{ffff}' if unprintable(c) => write!(out, "\\u{:04x}", c as u32),
            _ if unprintable(c) => write!(out, "\\U{:08x}", c as u32),
            _ => write!(out, "{c}"),
        };
    }
    out.push('"');
    out
}

/// What Go's strconv.IsPrint refuses, as far as the standard library tells.
fn unprintable(c: char) -> bool {
    c.is_control() || c.is_whitespace() || matches!(c.escape_debug().next(), Some('\\'))
}

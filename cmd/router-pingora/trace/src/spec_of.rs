//! From a compiled configuration back to a canonical Spec.

use lockstep_core::{
    Class, Config, EndpointSpec, KeySpec, MILLISECOND, PartSpec, PlacementInfo, PlacementSpec, Reason, RetryOn,
    RetrySpec, RouteSpec, SECOND, Spec, SplitSpec, TableSpec,
};

/// A Spec that compiles to a configuration with c's digest. It is canonical: sorted, candidates written
/// out in place of chained fallbacks, and every value that is the default left at zero. A recorder needs
/// no more of a configuration than the one that it sees adopted.
pub fn spec_of(c: &Config) -> Spec {
    let names: Vec<&str> = (0..c.placements()).map(|i| c.placement(i).name).collect();
    let mut homes = names.clone();
    let splits: Vec<String> = (0..c.splits()).map(|i| c.home_name(!(i as i32))).collect();
    homes.extend(splits.iter().map(String::as_str));
    let (home, status) = c.unknown();
    Spec {
        version: c.version().into(),
        edge: c.edge().into(),
        guards: c.guards(),
        default: usize::try_from(home).map_or_else(|_| String::new(), |home| names[home].into()),
        unknown_status: unless(status, Class::UNKNOWN_KEY.row().status),
        splits: (0..c.splits()).map(|i| split_of(c, i, splits[i].clone(), &names)).collect(),
        keys: keys_of(c, 0, &homes),
        tables: (1..c.tables())
            .map(|i| TableSpec { name: c.table_name(i).into(), keys: keys_of(c, i, &homes) })
            .collect(),
        table: c.table_name(c.route_info(0).table).into(),
        routes: (1..c.routes()).map(|i| route_of(c, i, &names)).collect(),
        no_route_status: unless(c.no_route_status(), Class::NO_ROUTE.row().status),
        placements: (0..names.len()).map(|i| placement_of(c, i, &names)).collect(),
        chain_fallbacks: false,
    }
}

/// Lists the keys of a table; homes are the names of placements, then of splits.
fn keys_of(c: &Config, table: usize, homes: &[&str]) -> Vec<KeySpec> {
    let key = |i| {
        let (key, home) = c.table_key(table, i);
        let home = if home < 0 { c.placements() + !home as usize } else { home as usize };
        KeySpec { key: key.into(), placement: homes[home].into() }
    };
    (0..c.table_keys(table)).map(key).collect()
}

fn split_of(c: &Config, i: usize, name: String, names: &[&str]) -> SplitSpec {
    let part = |p: lockstep_core::Part| PartSpec { placement: names[p.placement].into(), share: p.share };
    SplitSpec { name, parts: c.split(i).into_iter().map(part).collect() }
}

fn route_of(c: &Config, i: usize, names: &[&str]) -> RouteSpec {
    let r = c.route_info(i);
    RouteSpec {
        table: c.table_name(r.table).into(),
        default: usize::try_from(r.unknown).map_or_else(|_| String::new(), |home| names[home].into()),
        unknown_status: unless(r.status, Class::UNKNOWN_KEY.row().status),
    }
}

fn placement_of(c: &Config, i: usize, names: &[&str]) -> PlacementSpec {
    let p = c.placement(i);
    let mut s = PlacementSpec {
        name: p.name.into(),
        kind: p.kind,
        fallback: p.candidates[1..].iter().map(|&f| names[f as usize].into()).collect(),
        endpoints: (p.first_ep..p.end_ep).map(|n| endpoint_of(c, n)).collect(),
        last_resort: p.last_resort,
        select: p.select,
        limit: *p.limit,
        edge: c.placement_edge(i).into(),
        body_max: p.body_max,
        bound: p.bound,
        decay: unless(p.decay, 10 * SECOND),
        slow_start: p.slow_start,
        sticky: p.sticky.clone(),
        shards: p.shards,
        retries: retries_without_defaults(p.retries),
        panic: p.panic,
        panic_do: p.panic_do,
        breaker: p.breaker.clone(),
        health: p.health.clone(),
        timeouts: *p.timeouts,
    };
    let tier = matches!(p.name, "tier1" | "tier2" | "tier3");
    if tier == (p.kind == Reason::TIER) {
        s.kind = Reason::NONE;
    }
    without_defaults(&mut s, &p);
    s
}

fn endpoint_of(c: &Config, n: usize) -> EndpointSpec {
    let e = c.endpoint(n);
    let name = if e.name == e.url { "" } else { e.name };
    EndpointSpec { name: name.into(), url: e.url.into(), weight: unless(e.weight, 100), limit: e.limit }
}

/// Leaves what is the default at zero: BASELINE's values, which the fields of core's Spec name.
fn without_defaults(s: &mut PlacementSpec, p: &PlacementInfo<'_>) {
    let b = &mut s.breaker;
    b.open_max = unless(b.open_max, p.breaker.open.saturating_mul(10));
    b.open = unless(b.open, 30 * SECOND);
    b.failures = unless(b.failures, 5);
    b.growth = unless(b.growth, 1_000_000);
    b.probes = unless(b.probes, 1);
    b.successes = unless(b.successes, 1);
    b.max_open_percent = unless(b.max_open_percent, 100);
    b.window = unless(b.window, 10 * SECOND);
    b.min_requests = unless(b.min_requests, 20);
    b.slow_call = unless(b.slow_call, 2 * SECOND);
    let h = &mut s.health;
    if h.path == "/health" {
        h.path.clear();
    }
    h.every = unless(h.every, 10 * SECOND);
    h.timeout = unless(h.timeout, 2 * SECOND);
    h.fall = unless(h.fall, 3);
    h.rise = unless(h.rise, 2);
    let t = &mut s.timeouts;
    t.connect = unless(t.connect, 5 * SECOND);
    t.response_header = unless(t.response_header, 10 * SECOND);
    t.request = unless(t.request, 30 * SECOND);
    t.body_idle = unless(t.body_idle, 60 * SECOND);
    t.upstream_idle = unless(t.upstream_idle, 90 * SECOND);
    t.settle = unless(t.settle, SECOND);
}

fn retries_without_defaults(r: &RetrySpec) -> RetrySpec {
    RetrySpec {
        on: RetryOn(unless(r.on.0, RetryOn::ON_CONNECT.0 | RetryOn::ON_RESET.0 | RetryOn::ON_GATEWAY.0)),
        back_off_max: unless(r.back_off_max, r.back_off.saturating_mul(10)),
        back_off: unless(r.back_off, 25 * MILLISECOND),
        retry_after: unless(r.retry_after, SECOND),
        percent: unless(r.percent, 20),
        floor: unless(r.floor, 3),
        body_max: unless(r.body_max, 64 << 10),
        ..*r
    }
}

/// The value, or its zero where it is the default.
fn unless<T: PartialEq + Default>(v: T, default: T) -> T {
    if v == default { T::default() } else { v }
}

//! What Compile refuses, in the words of the Go side (core/compile_test.go, core/routes_test.go),
//! and what it makes of what it takes.

use lockstep_core::*;

/// A Spec without a fault; faults are planted into it.
fn sound() -> Spec {
    let endpoint = |name: &str, url: &str| EndpointSpec { name: name.into(), url: url.into(), ..Default::default() };
    let key = |key: &str, placement: &str| KeySpec { key: key.into(), placement: placement.into() };
    let visa = PlacementSpec {
        name: "visa".into(),
        endpoints: vec![endpoint("", "http://visa-b:1"), endpoint("a", "https://visa-a")],
        fallback: vec!["tier1".into()],
        ..Default::default()
    };
    let tier =
        PlacementSpec { name: "tier1".into(), endpoints: vec![endpoint("", "http://tier1:1")], ..Default::default() };
    Spec {
        version: "v1".into(),
        default: "tier1".into(),
        keys: vec![key("acme", "tier1"), key("visa", "visa")],
        placements: vec![visa, tier],
        ..Default::default()
    }
}

/// Two routes, two tables and a split.
fn routed() -> Spec {
    let part = |placement: &str, share| PartSpec { placement: placement.into(), share };
    let key = |key: &str, placement: &str| KeySpec { key: key.into(), placement: placement.into() };
    let mut s = sound();
    s.splits = vec![SplitSpec { name: "moving".into(), parts: vec![part("visa", 950_000), part("tier1", 50_000)] }];
    s.keys.push(key("zeta", "moving"));
    s.tables = vec![TableSpec { name: "partners".into(), keys: vec![key("acme", "visa"), key("beta", "moving")] }];
    s.routes = vec![
        RouteSpec { table: "partners".into(), unknown_status: 404, ..Default::default() },
        RouteSpec { default: "visa".into(), ..Default::default() },
    ];
    s
}

fn many(n: usize) -> Vec<EndpointSpec> {
    let one = |i| EndpointSpec { url: format!("http://10.0.0.{i}"), weight: 10_000, ..Default::default() };
    (0..n).map(one).collect()
}

fn queue(in_flight: i32, queue: i32, wait: Duration, order: u8) -> LimitSpec {
    let order = QueueOrder(order);
    LimitSpec { in_flight, when_full: WhenFull::QUEUE, queue, wait, order, ..Default::default() }
}

/// A fault: what is said of it, and how it is planted.
type Fault = (&'static str, fn(&mut Spec));

/// Faults of a configuration with one table.
const FAULTS: &[Fault] = &[
    (r#"version: is empty; give this configuration a label, such as "v1""#, |s| s.version = "".into()),
    ("placements: there are 0; give 1 to 65536", |s| s.placements = Vec::new()),
    ("placements.: the name is empty, too long or not printable ASCII", |s| s.placements[0].name = "".into()),
    ("the name is empty, too long", |s| s.placements[0].name = "x".repeat(201)),
    ("placements.vi sa: the name is", |s| s.placements[0].name = "vi sa".into()),
    ("not printable ASCII", |s| s.placements[0].name = "vi\u{7f}sa".into()),
    ("placements.tier1: is defined twice; keep one of the two", |s| s.placements[0].name = "tier1".into()),
    ("placements.visa.retries.max: is 0, but other settings of retries are given; give max: 1 or more", |s| {
        s.placements[0].retries.floor = 1
    }),
    ("placements.visa.retries.max: is above 4; use 1 to 4", |s| s.placements[0].retries.max = 5),
    ("placements.visa.retries: on or methods is out of range", |s| {
        (s.placements[0].retries.max, s.placements[0].retries.on) = (1, RetryOn(64))
    }),
    ("placements.visa.retries: on or methods is out of range", |s| {
        (s.placements[0].retries.max, s.placements[0].retries.methods) = (1, RetryMethods(3))
    }),
    ("placements.visa.retries.backoff.base: is outside 1ms to 30 days", |s| {
        (s.placements[0].retries.max, s.placements[0].retries.back_off) = (1, MILLISECOND - 1)
    }),
    ("placements.visa.retries.backoff.max: is below base", |s| {
        (s.placements[0].retries.max, s.placements[0].retries.back_off_max) = (1, MILLISECOND)
    }),
    ("placements.visa.retries.retry_after_max: is outside 1ms to 30 days", |s| {
        (s.placements[0].retries.max, s.placements[0].retries.retry_after) = (1, -1)
    }),
    ("placements.visa.retries.budget.percent: is above 400 %", |s| {
        (s.placements[0].retries.max, s.placements[0].retries.percent) = (1, 401)
    }),
    ("placements.visa.retries.budget.floor: is above 1000", |s| {
        (s.placements[0].retries.max, s.placements[0].retries.floor) = (1, 1001)
    }),
    ("placements.visa.retries.budget: is none, but has a share or a floor", |s| {
        (s.placements[0].retries.max, s.placements[0].retries.floor, s.placements[0].retries.no_budget) = (1, 1, true)
    }),
    ("placements.visa.retries.body_max: is negative", |s| {
        (s.placements[0].retries.max, s.placements[0].retries.body_max) = (1, -1)
    }),
    (
        "placements.visa.limit.when_full: has settings of a queue, but is not queue; write when_full: {queue: 50, wait: 200ms}",
        |s| s.placements[0].limit.queue = 1,
    ),
    ("placements.visa.limit.in_flight: is not set, so nobody would ever wait", |s| {
        s.placements[0].limit = queue(0, 1, SECOND, 0)
    }),
    ("placements.visa.limit.when_full.queue: is outside 1 to 1024", |s| s.placements[0].limit = queue(1, 0, SECOND, 0)),
    ("placements.visa.limit.when_full.queue: is outside 1 to 1024", |s| {
        s.placements[0].limit = queue(1, 1025, SECOND, 0)
    }),
    ("placements.visa.limit.when_full.wait: is outside 1ms to 30 days", |s| s.placements[0].limit = queue(1, 1, 0, 0)),
    ("placements.visa.limit.when_full.wait: is above timeouts.request", |s| {
        s.placements[0].limit = queue(1, 1, 31 * SECOND, 0)
    }),
    ("placements.visa.limit.when_full.order: is not an order; use fifo or newest_first", |s| {
        s.placements[0].limit = queue(1, 1, SECOND, 2)
    }),
    ("placements.visa.panic_percent: is above 100 %", |s| s.placements[0].panic = 101),
    ("placements.visa.panic: is not what a placement in panic can do", |s| {
        (s.placements[0].panic, s.placements[0].panic_do) = (1, PanicMode(3))
    }),
    ("placements.visa.panic: says what to do in panic, and there is none without panic_percent", |s| {
        s.placements[0].panic_do = PanicMode::FAIL
    }),
    ("when_full or last_resort is out of range", |s| s.placements[0].limit.when_full = WhenFull(3)),
    ("when_full or last_resort is out of range", |s| s.placements[0].last_resort = LastResort(2)),
    ("placements.visa.kind: is not a kind of placement; use dedicated or tier", |s| {
        s.placements[0].kind = Reason::DEFAULT
    }),
    ("placements.visa.select: is not a selection policy", |s| s.placements[0].select = Policy(7)),
    ("placements.visa.limit.in_flight: is negative", |s| s.placements[0].limit.in_flight = -1),
    ("placements.visa.limit.guests: is negative", |s| s.placements[0].limit.guests = -2),
    ("placements.visa.limit.guests: is above in_flight; guests are part of in_flight: use at most 5", |s| {
        (s.placements[0].limit.in_flight, s.placements[0].limit.guests) = (5, 6)
    }),
    ("placements.visa.body_max: is negative", |s| s.placements[0].body_max = -1),
    ("placements.visa.endpoints: there are 0; give 1 to 1024", |s| s.placements[0].endpoints = Vec::new()),
    ("placements.visa.endpoints: two endpoints have the URL http://visa-b:1", |s| {
        let one = s.placements[0].endpoints[0].url.clone();
        s.placements[0].endpoints[1].url = one;
    }),
    ("placements.visa.endpoints[1].limit: is above 1048576", |s| {
        s.placements[0].endpoints[1].limit = MAX_IN_FLIGHT as u32 + 1
    }),
    ("placements.visa.breaker.open_max: is outside 1ms to 30 days", |s| {
        s.placements[0].breaker.open_max = MAX_DURATION + 1
    }),
    ("placements.visa.endpoints[1].weight: is above 10000 %", |s| s.placements[0].endpoints[1].weight = 10001),
    (
        r#"placements.visa.endpoints[0].url: is not an absolute http or https URL: "visa:80"; write it as http://host:port"#,
        |s| s.placements[0].endpoints[0].url = "visa:80".into(),
    ),
    ("has no host", |s| s.placements[0].endpoints[0].url = "http://".into()),
    ("has no host", |s| s.placements[0].endpoints[0].url = "http://:80/x".into()),
    ("has no host", |s| s.placements[0].endpoints[0].url = "https:///x".into()),
    ("has a space or control character", |s| s.placements[0].endpoints[0].url = "http://a b".into()),
    ("has a space or control character", |s| s.placements[0].endpoints[0].url = "http://a\u{7f}".into()),
    ("placements.visa.breaker: failure_ratio or slow_ratio is above 100 %", |s| {
        s.placements[0].breaker.failure_ratio = 1_000_000 + 1
    }),
    ("placements.visa.breaker: failure_ratio or slow_ratio is above 100 %", |s| {
        s.placements[0].breaker.slow_ratio = 1_000_000 + 1
    }),
    ("placements.visa.breaker.slow_call: does nothing without slow_ratio", |s| {
        (s.placements[0].breaker.failure_ratio, s.placements[0].breaker.slow_call) = (1, SECOND)
    }),
    ("placements.visa.breaker.slow_call: is outside 1ms to 30 days", |s| {
        (s.placements[0].breaker.slow_ratio, s.placements[0].breaker.slow_call) = (1, 1)
    }),
    ("placements.visa.breaker.window: does nothing without a ratio", |s| s.placements[0].breaker.window = SECOND),
    ("placements.visa.breaker.min_requests: does nothing without a ratio", |s| {
        s.placements[0].breaker.min_requests = 1
    }),
    ("placements.visa.breaker.consecutive_failures: is none, and no ratio is set", |s| {
        s.placements[0].breaker.failures = NEVER_CONSECUTIVE
    }),
    ("placements.visa.breaker.window: is outside 100ms to 1h", |s| {
        (s.placements[0].breaker.failure_ratio, s.placements[0].breaker.window) = (1, 100 * MILLISECOND - 1)
    }),
    ("placements.visa.breaker.window: is outside 100ms to 1h", |s| {
        (s.placements[0].breaker.failure_ratio, s.placements[0].breaker.window) = (1, 3600 * SECOND + 1)
    }),
    (r#"placements.visa.breaker.preset: there is no preset named "envoi"; did you mean "envoy"?"#, |s| {
        s.placements[0].breaker.preset = "envoi".into()
    }),
    (r#"there is no preset named "hystrix"; use baseline, gobreaker, envoy or haproxy"#, |s| {
        s.placements[0].breaker.preset = "hystrix".into()
    }),
    ("placements.visa.bound: does nothing under round_robin; use it with rendezvous, ketama or maglev", |s| {
        s.placements[0].bound = 125
    }),
    ("placements.visa.bound: is outside 101 % to 1000 %", |s| {
        (s.placements[0].select, s.placements[0].bound) = (Policy::MAGLEV, 100)
    }),
    ("placements.visa.bound: is outside 101 % to 1000 %", |s| {
        (s.placements[0].select, s.placements[0].bound) = (Policy::MAGLEV, 1001)
    }),
    ("placements.visa.decay: does nothing under round_robin", |s| s.placements[0].decay = SECOND),
    ("placements.visa.decay: is outside 1ms to 30 days", |s| {
        (s.placements[0].select, s.placements[0].decay) = (Policy::EWMA, 1)
    }),
    ("placements.visa.slow_start: is outside 1ms to 30 days", |s| s.placements[0].slow_start = -1),
    ("placements.visa.shards: is above the number of endpoints", |s| s.placements[0].shards = 3),
    ("placements.visa.sticky.ttl: does nothing without cookie", |s| s.placements[0].sticky.ttl = SECOND),
    ("placements.visa.sticky.cookie: is not a cookie's name", |s| s.placements[0].sticky.cookie = "a b".into()),
    ("placements.visa.sticky.cookie: is longer than 64", |s| s.placements[0].sticky.cookie = "a".repeat(65)),
    ("placements.visa.sticky.ttl: is not a whole number of seconds", |s| {
        s.placements[0].sticky = StickySpec { cookie: "a".into(), ttl: SECOND + 1 }
    }),
    ("placements.visa.endpoints: the weights make more than 4194304 ketama points", |s| {
        s.placements[0].select = Policy::KETAMA;
        s.placements[0].endpoints = many(300);
    }),
    ("placements.visa.breaker.open: is outside 1ms to 30 days", |s| s.placements[0].breaker.open = MILLISECOND - 1),
    ("placements.visa.breaker.open: is outside 1ms to 30 days", |s| s.placements[0].breaker.open = MAX_DURATION + 1),
    ("placements.visa.breaker.open_max: is below open", |s| {
        (s.placements[0].breaker.open, s.placements[0].breaker.open_max) = (SECOND, SECOND - 1)
    }),
    ("placements.visa.breaker.grow: is outside 1 to 10", |s| s.placements[0].breaker.growth = 1_000_000 - 1),
    ("placements.visa.breaker.grow: is outside 1 to 10", |s| s.placements[0].breaker.growth = 10_000_000 + 1),
    ("placements.visa.breaker.jitter: is above 100 %", |s| s.placements[0].breaker.jitter = 1_000_000 + 1),
    ("placements.visa.breaker.half_open_probes: is above 8; use 1 to 8", |s| {
        s.placements[0].breaker.probes = MAX_PROBES as u32 + 1
    }),
    ("placements.visa.breaker.max_open: is above 100 %", |s| s.placements[0].breaker.max_open_percent = 101),
    ("placements.visa.health.get: does not begin with /", |s| s.placements[0].health.path = "health".into()),
    ("placements.visa.health.every: is outside", |s| s.placements[0].health.every = MILLISECOND - 1),
    ("placements.visa.health.timeout: is outside", |s| s.placements[0].health.timeout = -SECOND),
    ("placements.visa.timeouts.connect: is outside", |s| s.placements[0].timeouts.connect = -1),
    ("placements.visa.timeouts.response_header: is outside", |s| s.placements[0].timeouts.response_header = -1),
    ("placements.visa.timeouts.request: is outside", |s| s.placements[0].timeouts.request = -1),
    ("placements.visa.timeouts.body_idle: is outside", |s| s.placements[0].timeouts.body_idle = -1),
    ("placements.visa.timeouts.upstream_idle: is outside", |s| s.placements[0].timeouts.upstream_idle = -1),
    ("placements.visa.timeouts.settle: is outside", |s| s.placements[0].timeouts.settle = -1),
    ("unknown_key.reject: 399 is not an error status; use 400 to 599", |s| s.unknown_status = 399),
    ("unknown_key.reject: 600 is not an error status", |s| s.unknown_status = 600),
    (r#"default: there is no placement named "teir1"; did you mean "tier1"?"#, |s| s.default = "teir1".into()),
    (
        r#"default: there is no placement named "elsewhere"; define it under placements, or name one that is there"#,
        |s| s.default = "elsewhere".into(),
    ),
    ("keys: a key is empty", |s| s.keys[0].key = "".into()),
    ("keys.visa: is defined twice", |s| s.keys[0].key = "visa".into()),
    (r#"keys.visa: there is no placement named "vsia"; did you mean "visa"?"#, |s| s.keys[1].placement = "vsia".into()),
    (r#"placements.visa.fallback[0]: there is no placement named "tier2"; did you mean "tier1"?"#, |s| {
        s.placements[0].fallback = vec!["tier2".into()]
    }),
    ("placements.visa.fallback[1]: is the placement itself", |s| {
        s.placements[0].fallback = vec!["tier1".into(), "visa".into()]
    }),
    (r#"placements.visa.fallback[1]: "tier1" is listed twice"#, |s| {
        s.placements[0].fallback = vec!["tier1".into(), "tier1".into()]
    }),
];

/// Faults of routes, tables and splits.
const ROUTING_FAULTS: &[Fault] = &[
    (r#"routes[1].table: there is no table named "x"; define it under tables"#, |s| s.routes[0].table = "x".into()),
    (r#"routes[2].unknown_key.to: there is no placement named "viza"; did you mean "visa"?"#, |s| {
        s.routes[1].default = "viza".into()
    }),
    ("routes[1].unknown_key.reject: 200 is not an error status", |s| s.routes[0].unknown_status = 200),
    ("no_route.reject: 302 is not an error status; use 400 to 599", |s| s.no_route_status = 302),
    ("routes: there are 1025; use at most 1024", |s| s.routes = vec![RouteSpec::default(); MAX_ROUTES]),
    ("tables: there are 1025; use at most 1024", |s| s.tables = vec![TableSpec::default(); MAX_TABLES]),
    ("tables.: the name is empty", |s| s.tables[0].name = "".into()),
    ("tables.partners: is defined twice", |s| {
        let one = s.tables[0].clone();
        s.tables.push(one);
    }),
    ("tables.partners: a key is empty", |s| s.tables[0].keys[0].key = "".into()),
    ("tables.partners.acme: is defined twice", |s| s.tables[0].keys[1].key = "acme".into()),
    (r#"tables.partners.acme: there is no placement named "viza"; did you mean "visa"?"#, |s| {
        s.tables[0].keys[0].placement = "viza".into()
    }),
    (r#"keys.zeta: there is no placement named "mowing""#, |s| s.keys[2].placement = "mowing".into()),
    ("splits.moving: the shares are 99% in all; make them 100% in all", |s| s.splits[0].parts[0].share = 940_000),
    ("make them 100% in all", |s| s.splits[0].parts[0].share = 4_000_000_000),
    ("splits.moving.tier1: is there twice", |s| s.splits[0].parts[0].placement = "tier1".into()),
    (r#"splits.moving.viza: there is no placement named "viza""#, |s| s.splits[0].parts[0].placement = "viza".into()),
    ("splits.moving: there are 0 parts; give 1 to 8", |s| s.splits[0].parts = Vec::new()),
    ("splits.moving: there are 9 parts", |s| s.splits[0].parts = vec![PartSpec::default(); 9]),
    ("splits.moving: is defined twice", |s| {
        let one = s.splits[0].clone();
        s.splits.push(one);
    }),
    ("splits.visa: has no name, or that of a placement", |s| s.splits[0].name = "visa".into()),
];

#[test]
fn every_fault_is_named_with_its_place_and_its_cure() {
    for (want, plant) in FAULTS {
        let mut s = sound();
        plant(&mut s);
        let e = Config::compile(&s).expect_err(want);
        assert!(e.to_string().contains(want) && e.errors.len() == 1, "got {e}\nwant {want}");
        assert!(!e.errors[0].path.is_empty() && !e.errors[0].hint.is_empty(), "{e}: without a place or a cure");
    }
}

#[test]
fn every_fault_of_routing_is_named_with_its_place_and_its_cure() {
    for (want, plant) in ROUTING_FAULTS {
        let mut s = routed();
        plant(&mut s);
        let e = Config::compile(&s).expect_err(want);
        assert!(e.to_string().contains(want), "got {e}\nwant {want}");
    }
}

#[test]
fn limits_themselves_are_allowed() {
    let mut s = sound();
    let p = &mut s.placements[0];
    p.name = "~".repeat(199) + "!";
    s.keys[1].placement = p.name.clone();
    p.endpoints[0].weight = 10_000;
    p.breaker = BreakerSpec {
        open: MAX_DURATION,
        open_max: MAX_DURATION,
        growth: 10_000_000,
        jitter: 1_000_000,
        probes: MAX_PROBES as u32,
        max_open_percent: 100,
        preset: "baseline".into(),
        ..Default::default()
    };
    (p.health.every, p.health.timeout) = (MILLISECOND, MAX_DURATION);
    for (status, in_flight, guests) in [(400, 5, 5), (599, 0, 6), (599, 1, -1)] {
        s.unknown_status = status;
        s.placements[0].limit = LimitSpec { in_flight, guests, ..Default::default() };
        Config::compile(&s).unwrap();
    }
}

#[test]
fn so_many_there_may_be_and_no_more() {
    let placement = |i: usize| PlacementSpec {
        name: format!("p{i}"),
        endpoints: vec![EndpointSpec { url: format!("http://p{i}"), ..Default::default() }],
        ..Default::default()
    };
    let world =
        |n: usize| Spec { version: "v1".into(), placements: (0..n).map(placement).collect(), ..Default::default() };
    let endpoints = |n: usize| {
        let mut s = sound();
        let one = |i| EndpointSpec { url: format!("http://h{i}"), ..Default::default() };
        s.placements[0].endpoints = (0..n).map(one).collect();
        s
    };
    let candidates = |n: usize| {
        let mut s = world(n);
        s.placements[0].fallback = (1..n).map(|i| format!("p{i}")).collect();
        s
    };
    for (enough, too_many, want) in [
        (
            endpoints(MAX_ENDPOINTS),
            endpoints(MAX_ENDPOINTS + 1),
            "placements.visa.endpoints: there are 1025; give 1 to 1024",
        ),
        (world(MAX_PLACEMENTS), world(MAX_PLACEMENTS + 1), "placements: there are 65537; give 1 to 65536"),
        (
            candidates(MAX_CANDIDATES),
            candidates(MAX_CANDIDATES + 1),
            "placements.p0.fallback: there are 8; use at most 7",
        ),
    ] {
        Config::compile(&enough).unwrap();
        assert_eq!(Config::compile(&too_many).unwrap_err().to_string(), want);
    }
}

#[test]
fn a_hundred_faults_are_enough() {
    let mut s = sound();
    s.keys.extend((0..150).map(|i| KeySpec { key: format!("k{i}").into(), placement: "nowhere-at-all".into() }));
    let e = Config::compile(&s).unwrap_err();
    assert_eq!((e.errors.len(), e.to_string().lines().count()), (100, 100));
}

#[test]
fn defaults_are_the_baselines() {
    let c = Config::compile(&sound()).unwrap();
    let p = c.placement(1);
    assert_eq!((p.name, p.kind, p.candidates, p.first_ep, p.end_ep), ("visa", Reason::DEDICATED, &[1, 0][..], 1, 3));
    let s = SECOND;
    let breaker = BreakerSpec {
        failures: 5,
        open: 30 * s,
        growth: 1_000_000,
        open_max: 300 * s,
        probes: 1,
        successes: 1,
        max_open_percent: 100,
        ..Default::default()
    };
    assert_eq!(*p.breaker, breaker);
    let health =
        HealthSpec { path: "/health".into(), every: 10 * s, timeout: 2 * s, fall: 3, rise: 2, ..Default::default() };
    assert_eq!(*p.health, health);
    let timeouts = TimeoutSpec {
        connect: 5 * s,
        response_header: 10 * s,
        request: 30 * s,
        body_idle: 60 * s,
        upstream_idle: 90 * s,
        settle: s,
    };
    assert_eq!((*p.timeouts, *c.timeouts(1)), (timeouts, timeouts));
    assert_eq!((*p.retries, *p.limit, p.body_max), (RetrySpec::default(), LimitSpec::default(), 0));
    assert_eq!(c.placement(0).kind, Reason::TIER);
    let urls: Vec<_> = (0..3).map(|i| (c.endpoint(i).name, c.endpoint(i).url, c.endpoint(i).weight)).collect();
    let want = [("http://tier1:1", "http://tier1:1", 100), ("http://visa-b:1", "http://visa-b:1", 100)];
    assert_eq!(urls, [want[0], want[1], ("a", "https://visa-a", 100)]);
    assert_eq!((c.placements(), c.endpoints(), c.keys(), c.version()), (2, 3, 2, "v1"));
    assert_eq!((c.key(1), c.find_placement("visa"), c.find_placement("zz")), ((&b"visa"[..], 1), Some(1), None));
}

/// Pins one digest: recordings and epochs name configurations by it. The number is that of
/// core/config_test.go.
#[test]
fn the_digest_of_a_configuration_is_part_of_the_format() {
    assert_eq!(Config::compile(&sound()).unwrap().digest(), 0x4ea8_d211_ddb5_c646);
}

#[test]
fn order_in_the_spec_carries_no_meaning_but_under_first() {
    let digest = |s: &Spec| Config::compile(s).unwrap().digest();
    let mut s = sound();
    s.keys.reverse();
    s.placements.reverse();
    s.placements[1].endpoints.reverse();
    assert_eq!(digest(&s), digest(&sound()));
    let mut s = routed();
    s.splits[0].parts.reverse();
    s.tables[0].keys.reverse();
    assert_eq!(digest(&s), digest(&routed()));
    let (mut a, mut b) = (sound(), sound());
    a.placements[0].select = Policy::FIRST;
    b.placements[0].select = Policy::FIRST;
    b.placements[0].endpoints.reverse();
    assert_ne!(digest(&a), digest(&b));
}

/// Changes of one setting each.
const CHANGES: &[fn(&mut Spec)] = &[
    |_| {},
    |s| s.version = "v2".into(),
    |s| s.default = "visa".into(),
    |s| s.default = String::new(),
    |s| s.unknown_status = 404,
    |s| s.no_route_status = 421,
    |s| s.keys[0].key = "acne".into(),
    |s| s.keys[0].placement = "visa".into(),
    |s| drop(s.keys.remove(0)),
    |s| (s.splits[0].parts[0].share, s.splits[0].parts[1].share) = (949_999, 50_001),
    |s| s.table = "partners".into(),
    |s| s.tables[0].keys[0].key = "b".into(),
    |s| s.routes[1].default = "tier1".into(),
    |s| s.routes[0].unknown_status = 410,
    |s| s.routes.swap(0, 1),
    |s| s.guards.keys_removed = 5,
    |s| s.edge = "x".into(),
    |s| s.placements[0].edge = "x".into(),
    |s| s.placements[0].endpoints[0].name = "b".into(),
    |s| s.placements[0].endpoints[0].url = "http://visa-c".into(),
    |s| s.placements[0].endpoints[0].weight = 50,
    |s| s.placements[0].endpoints[0].limit = 50,
    |s| s.placements[0].fallback.clear(),
    |s| s.placements[0].kind = Reason::TIER,
    |s| s.placements[0].body_max = 1,
    |s| s.placements[0].select = Policy::FIRST,
    |s| s.placements[0].select = Policy::KETAMA,
    |s| s.placements[0].select = Policy::MAGLEV,
    |s| s.placements[0].select = Policy::EWMA,
    |s| (s.placements[0].select, s.placements[0].decay) = (Policy::EWMA, SECOND),
    |s| (s.placements[0].select, s.placements[0].bound) = (Policy::KETAMA, 125),
    |s| s.placements[0].slow_start = SECOND,
    |s| s.placements[0].shards = 1,
    |s| s.placements[0].sticky.cookie = "c".into(),
    |s| s.placements[0].sticky = StickySpec { cookie: "c".into(), ttl: SECOND },
    |s| s.placements[0].last_resort = LastResort::REFUSE,
    |s| s.placements[0].limit.in_flight = 7,
    |s| s.placements[0].limit.guests = -1,
    |s| s.placements[0].limit.when_full = WhenFull::FAIL_OVER,
    |s| s.placements[0].limit = queue(7, 1, SECOND, 0),
    |s| s.placements[0].limit = queue(7, 1, SECOND, 1),
    |s| s.placements[0].limit = LimitSpec { in_flight: 7, tenant_share: 5, ..Default::default() },
    |s| s.placements[0].limit = LimitSpec { in_flight: 7, priorities: [9; 8], ..Default::default() },
    |s| s.placements[0].limit.adaptive.max = 9,
    |s| s.placements[0].retries.max = 1,
    |s| s.placements[0].panic = 1,
    |s| (s.placements[0].panic, s.placements[0].panic_do) = (1, PanicMode::FAIL),
    |s| s.placements[0].breaker.off = true,
    |s| s.placements[0].breaker.jitter = 1,
    |s| s.placements[0].breaker.failure_ratio = 1,
    |s| s.placements[0].breaker.preset = "haproxy".into(),
    |s| s.placements[0].health.off = true,
    |s| s.placements[0].health.start_unhealthy = true,
    |s| s.placements[0].health.fall = 9,
    |s| s.placements[0].timeouts.settle = 9 * SECOND,
];

/// Equal digests mean the same (R12), so each change is another digest.
#[test]
fn every_setting_counts_in_the_digest() {
    let mut seen = std::collections::BTreeMap::new();
    for (i, change) in CHANGES.iter().enumerate() {
        let mut s = routed();
        change(&mut s);
        let c = Config::compile(&s).unwrap_or_else(|e| panic!("change {i}: {e}"));
        if let Some(other) = seen.insert(c.digest(), i) {
            panic!("changes {other} and {i} give one digest");
        }
    }
}

#[test]
fn match_is_the_table_of_the_route_then_its_default() {
    let c = Config::compile(&routed()).unwrap(); // placements: 0 tier1, 1 visa
    for (via, key, placement, reason, refuse) in [
        (0, "acme", 0, Reason::TIER, Class::NONE),
        (1, "acme", 1, Reason::DEDICATED, Class::NONE),
        (2, "acme", 0, Reason::TIER, Class::NONE),
        (0, "nobody", 0, Reason::DEFAULT, Class::NONE),
        (1, "nobody", -1, Reason::NONE, Class::UNKNOWN_KEY),
        (2, "nobody", 1, Reason::DEFAULT, Class::NONE),
        (1, "", -1, Reason::NONE, Class::NO_KEY),
        (3, "acme", -1, Reason::NONE, Class::NONE), // no such route: the router refuses it
        (65535, "acme", -1, Reason::NONE, Class::NONE),
    ] {
        let hash = if key.is_empty() { 0 } else { hash_string(key) };
        let want = Route { key: hash, ring: 0, placement, reason, refuse };
        assert_eq!(c.match_via(via, key, 0), (want, placement >= 0), "{key} by route {via}");
    }
    assert_eq!((c.unknown(), c.routes(), c.tables(), c.splits()), ((0, 421), 3, 2, 1));
    assert_eq!((c.table_home(1, "beta"), c.home_name(-1)), (Some(-1), "tier1 5% visa 95%".into()));
    assert_eq!(c.route_info(1), RouteInfo { table: 1, unknown: -1, status: 404, multiple: true });
}

#[test]
fn a_split_gives_its_shares_and_draws_anew_for_each_key() {
    let mut s = routed();
    s.keys.push(KeySpec { key: "zeus".into(), placement: "moving".into() });
    let c = Config::compile(&s).unwrap();
    let home = |key: &str, i| c.match_via(0, key, request_hash(0, i)).0.placement;
    let n = 100_000;
    let visa = (0..n).filter(|i| home("zeta", *i) == 1).count() as i64;
    // Five standard deviations of a fair draw: sqrt(n * 0.95 * 0.05) * 5.
    assert!((visa - 95_000).abs() < 350, "{visa} of {n} went to the part of 95%");
    let both = (0..n).filter(|i| home("zeta", *i) == 0 && home("zeus", *i) == 0).count();
    assert!((150..350).contains(&both), "{both} of {n} are in both parts of 5%, want about 250");
}

#[test]
fn a_percentage_loses_nothing() {
    for (share, want) in
        [(0, "0%"), (1, "0.0001%"), (50_000, "5%"), (2_500, "0.25%"), (999_990, "99.999%"), (1_000_000, "100%")]
    {
        assert_eq!(percent(share), want);
    }
}

/// A chain of fallbacks keeps the default in its last place, however long it is.
#[test]
fn a_chain_of_fallbacks_ends_with_the_default() {
    let name = |i: usize| format!("p{}", char::from(b'a' + i as u8));
    let chain = |last: Option<usize>| {
        let placement = |i: usize| PlacementSpec {
            name: name(i),
            endpoints: vec![EndpointSpec { url: format!("http://{i}"), ..Default::default() }],
            fallback: if i < 9 { vec![name(i + 1)] } else { Vec::new() },
            ..Default::default()
        };
        let mut s = Spec { version: "1".into(), chain_fallbacks: true, ..Default::default() };
        s.placements = (0..12).map(placement).collect();
        s.default = last.map(name).unwrap_or_default();
        Config::compile(&s).unwrap().placement(0).candidates.to_vec()
    };
    assert_eq!(chain(None), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(chain(Some(11)), [0, 1, 2, 3, 4, 5, 6, 11]);
    assert_eq!(chain(Some(7)), [0, 1, 2, 3, 4, 5, 6, 7]);
}

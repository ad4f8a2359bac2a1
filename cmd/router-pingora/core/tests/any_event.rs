//! No event can make a step panic, whatever its fields say (SPEC, "Bad input"), and what a router
//! decides follows from its input alone.

use lockstep_core::*;
use proptest::prelude::*;
use std::sync::Arc;

/// A placement with everything that it can have, by the bits of `n`.
fn placement(name: &str, n: u32) -> PlacementSpec {
    let bit = |i: u32| n >> i & 1 == 1;
    let policies = [
        Policy::ROUND_ROBIN,
        Policy::LEAST_REQUEST,
        Policy::RENDEZVOUS,
        Policy::FIRST,
        Policy::KETAMA,
        Policy::MAGLEV,
        Policy::EWMA,
    ];
    let select = policies[(n & 7) as usize % policies.len()];
    let mut p = PlacementSpec { name: name.into(), select, ..PlacementSpec::default() };
    let count = 1 + (n >> 3 & 3);
    p.endpoints = (0..count)
        .map(|i| EndpointSpec {
            url: format!("http://{name}-{i}"),
            weight: if bit(5) { 50 * (i + 1) } else { 0 },
            limit: if bit(6) { 2 } else { 0 },
            ..EndpointSpec::default()
        })
        .collect();
    p.limit.in_flight = 4;
    p.limit.guests = if bit(7) { 2 } else { 0 };
    p.limit.when_full = [WhenFull::REJECT, WhenFull::FAIL_OVER, WhenFull::QUEUE][(n >> 8 & 3) as usize % 3];
    if p.limit.when_full == WhenFull::QUEUE {
        (p.limit.queue, p.limit.wait) = (3, 200 * MILLISECOND);
        p.limit.order = if bit(10) { QueueOrder::NEWEST_FIRST } else { QueueOrder::FIFO };
    }
    p.limit.tenant_share = if bit(11) { 60 } else { 0 };
    if bit(12) {
        p.limit.priorities[..2].copy_from_slice(&[100, 50]);
    }
    if bit(13) {
        p.limit.adaptive = AdaptiveSpec { min: 1, max: 6, ..AdaptiveSpec::default() };
    }
    p.breaker.failures = if bit(14) { 1 } else { 2 };
    p.breaker.open = SECOND;
    p.breaker.jitter = if bit(15) { 100_000 } else { 0 };
    p.breaker.growth = if bit(16) { 2_000_000 } else { 0 };
    p.breaker.max_open_percent = if bit(17) { 50 } else { 0 };
    p.breaker.failure_ratio = if bit(18) { 500_000 } else { 0 };
    p.breaker.slow_ratio = if bit(19) { 500_000 } else { 0 };
    p.breaker.min_requests = if bit(18) || bit(19) { 2 } else { 0 };
    p.health.off = bit(20);
    p.health.start_unhealthy = bit(21);
    p.last_resort = if bit(22) { LastResort::REFUSE } else { LastResort::USE };
    if bit(23) {
        p.panic = 60;
        p.panic_do = [PanicMode::ALL, PanicMode::FAIL, PanicMode::FAIL_OVER][(n >> 24 & 3) as usize % 3];
    }
    if bit(26) {
        p.retries.max = 2;
    }
    p.slow_start = if bit(27) { 5 * SECOND } else { 0 };
    p.shards = if bit(28) { 1 } else { 0 };
    p.bound = if bit(29) && select.hashing() { 150 } else { 0 };
    p.sticky.cookie = if bit(30) { "c".into() } else { String::new() };
    p
}

/// A configuration of three placements that fall back on each other.
fn config(seed: [u32; 3]) -> Arc<Config> {
    let names = ["a", "b", "c"];
    let mut spec = Spec { version: format!("{seed:?}"), default: "c".into(), ..Spec::default() };
    for (i, n) in seed.into_iter().enumerate() {
        let mut p = placement(names[i], n);
        p.fallback = vec![names[(i + 1) % 3].into(), names[(i + 2) % 3].into()];
        spec.placements.push(p);
        spec.keys.push(KeySpec { key: names[i].into(), placement: names[i].into() });
    }
    if seed[0] & 1 == 1 {
        spec.placements.remove(1);
        spec.keys.remove(1);
        spec.placements.iter_mut().for_each(|p| p.fallback.retain(|f| f != "b"));
    }
    Config::compile(&spec).expect("it compiles")
}

/// What a run may do next: numbers that pick a kind and its fields.
type Op = (u8, u64, u64, i64);

/// Makes an event of an op; some name what there is, and some name anything.
fn event(r: &Router, op: Op, handles: &[Handle], probes: &[(u32, i32)], configs: &[Arc<Config>]) -> Event {
    let (kind, a, b, t) = op;
    let mut ev = Event {
        kind: EventKind(kind % 12),
        method: Method((a >> 8) as u8 % 3),
        via: if a & 15 == 0 { b as u16 } else { 0 },
        class: Class((b >> 8) as u8 % 32),
        priority: b as u8,
        replayable: a & 16 != 0,
        sent: a & 32 != 0,
        ok: a & 64 != 0,
        deliberate: a & 128 != 0,
        origin: Origin((b >> 16) as u8 & 3),
        fault: Fault(if b & 31 == 7 { 1 } else { 0 }),
        status: [200, 404, 500, 503, (b >> 20) as u16][(b >> 36) as usize % 5],
        token: b as u32 % 64,
        endpoint: (a >> 16) as i32 % 14 - 1,
        request: b % 97,
        prefer: b,
        epoch: if a & 7 == 3 { Epoch { term: a >> 60, number: b >> 61 } } else { r.epoch() },
        length: if a & 7 == 5 { t } else { -1 },
        retry_after: if a & 1024 == 0 { t } else { 0 },
        deadline: if a & 2048 == 0 { t } else { r.now() + (t & 0xffff_ffff) },
        ..Event::default()
    };
    if kind & 64 != 0 {
        ev.kind = EventKind::ARRIVE;
    }
    if !handles.is_empty() && (ev.kind != EventKind::ARRIVE || a & 3 == 1) {
        ev.handle = handles[b as usize % handles.len()];
        if b & 63 == 9 {
            ev.handle.r#gen ^= 1;
        }
    }
    if ev.kind == EventKind::PROBED && !probes.is_empty() && a & 0x1f00 != 0 {
        (ev.token, ev.endpoint) = probes[b as usize % probes.len()];
    }
    if ev.kind == EventKind::ADOPT {
        ev.epoch = if a & 3 == 0 { Epoch { term: a >> 61, number: b >> 61 } } else { Epoch::default() };
        ev.config = (b & 7 != 5).then(|| configs[a as usize % configs.len()].clone());
    }
    if ev.kind == EventKind::DRAIN && a & 0x7f00 != 0 {
        ev.kind = EventKind::TICK; // else everything is refused from early on
    }
    match r.config() {
        Some(c) if a & 63 != 11 => ev.route = c.match_via(0, ["a", "b", "c", "d", ""][a as usize % 5], b).0,
        _ => ev.route = Route { key: a, placement: (b >> 3) as i32, refuse: Class((a >> 3) as u8 % CLASSES), ..Route::default() },
    }
    ev
}

/// Runs the ops and returns everything that was decided and every digest.
fn run(seed: u64, ops: &[Op], configs: &[Arc<Config>]) -> (Vec<Decision>, Vec<u64>) {
    go_on(&mut Router::new(Options { seed, strict: true }), ops, configs)
}

/// Runs the ops on a router that there is.
fn go_on(r: &mut Router, ops: &[Op], configs: &[Arc<Config>]) -> (Vec<Decision>, Vec<u64>) {
    let (mut all, mut digests, mut now) = (Vec::new(), Vec::new(), r.now());
    let (mut handles, mut probes) = (Vec::new(), Vec::new());
    for &op in ops {
        now = match op.2 % 1024 {
            0 => op.3,
            n if n < 32 => now.saturating_add(10 * SECOND),
            n => now.saturating_add(n as i64 * MILLISECOND / 4),
        };
        let mut ev = event(r, op, &handles, &probes, configs);
        let from = all.len();
        r.step(now, &mut ev, &mut all);
        for d in &all[from..] {
            if d.handle != Handle::default() {
                handles.push(d.handle);
            }
            if d.kind == DecisionKind::PROBE {
                probes.push((d.token, d.endpoint));
            }
        }
        let excess = handles.len().saturating_sub(12);
        handles.drain(..excess);
        let excess = probes.len().saturating_sub(4);
        probes.drain(..excess);
        now = r.now();
        digests.push(r.digest());
    }
    (all, digests)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_a_step_decides_and_decides_alike(
        seed: u64,
        seeds in prop::collection::vec(any::<[u32; 3]>(), 1..4),
        mut ops in prop::collection::vec(any::<Op>(), 1..400),
    ) {
        let configs: Vec<Arc<Config>> = seeds.into_iter().map(config).collect();
        ops[0] = (EventKind::ADOPT.0, 1, 0, 0); // so that most runs have something to decide
        prop_assert_eq!(run(seed, &ops, &configs), run(seed, &ops, &configs));
    }
}

/// Restores what a snapshot says, under the configuration that it names.
fn restored(snapshot: &[u8], configs: &[Arc<Config>]) -> Option<Router> {
    let (digest, _) = snapshot_config(snapshot).ok()?;
    let c = configs.iter().find(|c| c.digest() == digest).cloned();
    Router::restore(snapshot, c, false).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// A snapshot from elsewhere may say what no run leads to. It is refused, or the router that it
    /// gives goes on, whatever comes.
    #[test]
    fn a_forged_snapshot_is_refused_or_harmless(
        seed: u64,
        seeds in prop::collection::vec(any::<[u32; 3]>(), 1..4),
        mut ops in prop::collection::vec(any::<Op>(), 2..300),
        cut: prop::sample::Index,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let configs: Vec<Arc<Config>> = seeds.into_iter().map(config).collect();
        ops[0] = (EventKind::ADOPT.0, 1, 0, 0);
        let (first, then) = ops.split_at(1 + cut.index(ops.len() - 1));
        let mut r = Router::new(Options { seed, strict: true });
        go_on(&mut r, first, &configs);
        let mut snapshot = Vec::new();
        r.snapshot(&mut snapshot);
        let sound = restored(&snapshot, &configs);
        prop_assert_eq!(sound.map(|mut s| s.digest()), Some(r.digest()));
        for (at, flip) in flips {
            *at.get_mut(&mut snapshot) ^= flip;
        }
        if let Some(mut r) = restored(&snapshot, &configs) {
            go_on(&mut r, then, &configs);
            let mut own = Vec::new();
            r.snapshot(&mut own);
            prop_assert!(own.len() > 8);
        }
    }
}

/// The properties above say nothing of what their runs never do.
#[test]
fn such_runs_decide_everything_that_can_be_decided() {
    let mut seen = std::collections::BTreeMap::new();
    let mut state = 1_u64;
    let mut next = || {
        state = request_hash(state, 1);
        state
    };
    for seed in 0..150 {
        let configs: Vec<Arc<Config>> = (0..3).map(|_| config([next() as u32, next() as u32, next() as u32])).collect();
        let mut ops: Vec<Op> = (0..400).map(|_| (next() as u8, next(), next(), next() as i64)).collect();
        ops[0] = (EventKind::ADOPT.0, 1, 0, 0);
        for d in run(seed, &ops, &configs).0 {
            *seen.entry(d.kind).or_insert(0) += 1;
        }
    }
    let missing: Vec<u8> = (1..=25).filter(|k| !seen.contains_key(&DecisionKind(*k))).collect();
    assert!(missing == [DecisionKind::NOTE_BUG.0], "kinds {missing:?} are missing of {seen:?}");
}

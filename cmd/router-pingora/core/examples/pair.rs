//! Measures one request, Arrive and Finish with 64 in flight, as BenchmarkPair of core/ does.
//! Run with `cargo run --release --example pair`; it prints the median of 9 rounds.
use lockstep_core::*;
use std::hint::black_box;
use std::time::Instant;

/// The world that figures are measured in: keys spread over 16 placements of 4 endpoints each, a
/// limit, a cap on guests and two fallbacks.
fn reference_spec(keys: usize) -> Spec {
    const PLACEMENTS: usize = 16;
    let placement = |i: usize| PlacementSpec {
        name: format!("p{i:02}"),
        fallback: (1..=2).map(|k| format!("p{:02}", (i + k) % PLACEMENTS)).collect(),
        limit: LimitSpec { in_flight: 1000, guests: 200, ..LimitSpec::default() },
        endpoints: (0..4)
            .map(|j| EndpointSpec { url: format!("http://10.0.{i}.{j}:8080"), ..EndpointSpec::default() })
            .collect(),
        ..PlacementSpec::default()
    };
    Spec {
        version: "reference".into(),
        default: "p00".into(),
        placements: (0..PLACEMENTS).map(placement).collect(),
        keys: (0..keys)
            .map(|k| KeySpec { key: format!("tenant-{k:07}"), placement: format!("p{:02}", k % PLACEMENTS) })
            .collect(),
        ..Spec::default()
    }
}

fn round(c: &std::sync::Arc<Config>, matching: bool, pairs: u64) -> f64 {
    let mut r = Router::new(Options { seed: 1, strict: true });
    r.reserve(Some(c), 1024);
    let mut out = Vec::with_capacity(64);
    r.step(0, &mut Event { kind: EventKind::ADOPT, config: Some(c.clone()), ..Event::default() }, &mut out);
    let mut arrive = Event { kind: EventKind::ARRIVE, epoch: r.epoch(), length: -1, ..Event::default() };
    let mut finish = Event { kind: EventKind::FINISH, status: 200, ..Event::default() };
    let keys: Vec<&str> = (0..4096).map(|i| c.key(i * 7 % c.keys()).0).collect();
    let mut flying = [Handle::default(); 64];
    let began = Instant::now();
    for i in 0..pairs {
        let now = i as Time * 1000;
        if matching || i < keys.len() as u64 {
            arrive.route = c.match_key(keys[i as usize % keys.len()]).0;
        } else {
            arrive.route.placement = (i & 15) as i32;
        }
        arrive.request = i;
        finish.handle = flying[i as usize & 63];
        if finish.handle != Handle::default() {
            out.clear();
            r.step(now, &mut finish, &mut out);
        }
        out.clear();
        r.step(now, &mut arrive, &mut out);
        flying[i as usize & 63] = out[out.len() - 1].handle;
    }
    black_box(r.digest());
    began.elapsed().as_nanos() as f64 / pairs as f64
}

fn main() {
    let c = Config::compile(&reference_spec(10_000)).expect("the reference compiles");
    for matching in [false, true] {
        let mut rounds: Vec<f64> = (0..9).map(|_| round(&c, matching, 2_000_000)).collect();
        rounds.sort_by(f64::total_cmp);
        println!("{}: {:.1} ns a pair", if matching { "match+decide" } else { "decide" }, rounds[4]);
    }
}

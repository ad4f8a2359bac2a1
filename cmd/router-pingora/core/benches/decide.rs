//! What a decision costs: nanoseconds for one request (Arrive and Finish), 64 in flight, over the
//! world that the Go side measures in (core/bench_test.go). Run with
//! `cargo bench -p lockstep-core`.

use lockstep_core::{Config, Event, EventKind, Handle, Options};
use std::hint::black_box;
use std::time::Instant;

#[path = "../tests/common/mod.rs"]
mod common;
use common::{adopted, reference};

const REQUESTS: u64 = 2_000_000;
const RUNS: usize = 7;

fn main() {
    let c = Config::compile(&reference(10_000)).expect("the reference world compiles");
    for (name, matches) in [("decide", false), ("match+decide", true)] {
        let mut best: Vec<u128> = (0..RUNS).map(|_| pairs(&c, matches)).collect();
        best.sort_unstable();
        println!("{name}: {} ns a request, the best of {RUNS} runs; median {}", best[0], best[RUNS / 2]);
    }
    let mut r = adopted(&c, Options { seed: 1, strict: false });
    let mut snapshot = Vec::new();
    let began = Instant::now();
    for _ in 0..1000 {
        snapshot.clear();
        r.snapshot(&mut snapshot);
    }
    println!("snapshot: {} ns, {} bytes", began.elapsed().as_nanos() / 1000, snapshot.len());
    black_box(r.digest());
}

/// Returns nanoseconds for each of many requests.
fn pairs(c: &std::sync::Arc<Config>, matches: bool) -> u128 {
    let mut r = adopted(c, Options { seed: 1, strict: false });
    let keys: Vec<&[u8]> = (0..4096).map(|i| c.key(i * 7 % c.keys()).0).collect();
    let mut arrive = Event { kind: EventKind::ARRIVE, epoch: r.epoch(), length: -1, ..Event::default() };
    let mut finish = Event { kind: EventKind::FINISH, status: 200, ..Event::default() };
    let mut flying = [Handle::default(); 64];
    let mut out = Vec::with_capacity(64);
    let mut now = 0;
    let began = Instant::now();
    for i in 0..REQUESTS {
        now += 1000;
        if matches || i < keys.len() as u64 {
            arrive.route = c.match_key(keys[i as usize % keys.len()]).0;
        } else {
            arrive.route.placement = (i & 15) as i32;
        }
        arrive.request = i;
        finish.handle = flying[i as usize & 63];
        if finish.handle.r#gen != 0 {
            out.clear();
            r.step(now, &mut finish, &mut out);
        }
        out.clear();
        r.step(now, &mut arrive, &mut out);
        flying[i as usize & 63] = out[out.len() - 1].handle;
    }
    began.elapsed().as_nanos() / u128::from(REQUESTS)
}

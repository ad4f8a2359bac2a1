//! What holds for every sequence of inputs: nothing panics, the same inputs decide the same, and a
//! snapshot or a copy taken anywhere goes on as the original does. These run in debug builds, so
//! an overflow is a panic too.

mod common;
#[path = "common/stream.rs"]
mod stream;

use lockstep_core::{Decision, DecisionKind, Event, Options, Router, Time};
use proptest::prelude::*;
use stream::{Stream, Tape};

const STRICT: Options = Options { seed: 3, strict: true };

/// Every input and what a router made of it.
struct Run {
    inputs: Vec<(Time, Event)>,
    decisions: Vec<Vec<Decision>>,
    digests: Vec<u64>,
}

/// Steps a router through all that a tape says.
fn run(words: &[u64]) -> Run {
    let mut s = Stream::new(words);
    let mut r = Router::new(STRICT);
    let mut run = Run { inputs: Vec::new(), decisions: Vec::new(), digests: Vec::new() };
    while !s.ended() {
        let ev = s.event(&r);
        let out = step(&mut r, s.now, &ev);
        s.learn(&out);
        run.inputs.push((s.now, ev));
        run.decisions.push(out);
        run.digests.push(r.digest());
    }
    run
}

fn step(r: &mut Router, now: Time, ev: &Event) -> Vec<Decision> {
    let mut out = Vec::new();
    r.step(now, &mut ev.clone(), &mut out);
    assert!(r.deadline() >= r.now(), "a deadline has passed and nothing fired");
    out
}

/// Looks at everything that a page or a metric looks at.
fn look(r: &Router, ev: &Event) {
    for n in -1..=r.placements() as i32 {
        let p = r.placement(n);
        assert!(p.guests <= p.in_flight && p.guests >= 0);
        r.room(n, ev, false);
        r.room(n, ev, true);
        r.budget(r.now(), n);
        r.tenant_in_flight(n, &ev.route, true);
    }
    for n in -1..=r.endpoints() as i32 {
        r.endpoint(n);
        r.blocked(r.now(), n);
        r.choice(r.now(), n);
    }
    r.attempt(ev.handle);
    r.journey(ev.handle);
    r.retry_why(r.now(), ev);
    r.count_back_offs(0, 10, &mut [0; 3]);
}

/// Writes another number into a field of a snapshot.
fn forge(snapshot: &[u8], at: prop::sample::Index, word: u64) -> Vec<u8> {
    let ends: Vec<usize> = (0..snapshot.len()).filter(|&i| snapshot[i] < 0x80).collect();
    let field = at.index(ends.len());
    let from = if field == 0 { 0 } else { ends[field - 1] + 1 };
    let old = snapshot[from..=ends[field]].iter().rev().fold(0, |v: u64, &b| v << 7 | u64::from(b & 0x7f));
    let small = word >> 8 & 7;
    let mut with = [
        old.wrapping_add(1),
        old.wrapping_sub(1),
        old ^ 1 << small,
        small,
        word >> (word & 63),
        1 << 62,
        i64::MAX as u64,
        u64::MAX,
    ][(word & 7) as usize];
    let mut forged = snapshot[..from].to_vec();
    while with >= 0x80 {
        forged.push(with as u8 | 0x80);
        with >>= 7;
    }
    forged.push(with as u8);
    forged.extend_from_slice(&snapshot[ends[field] + 1..]);
    forged
}

/// A hundred cases, or as many as PROPTEST_CASES says.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn tapes() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 100..3000)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_same_inputs_decide_the_same_and_looking_changes_nothing(words in tapes()) {
        let run = run(&words);
        let mut r = Router::new(STRICT);
        if let Some(c) = run.inputs.iter().find_map(|(_, ev)| ev.config.clone()) {
            r.reserve(Some(&c), 5000);
        }
        for (i, (now, ev)) in run.inputs.iter().enumerate() {
            look(&r, ev);
            prop_assert_eq!(&step(&mut r, *now, ev), &run.decisions[i]);
            prop_assert_eq!(r.digest(), run.digests[i]);
        }
    }

    #[test]
    fn any_part_of_the_inputs_is_harmless(words in tapes(), keep: u64) {
        let run = run(&words);
        let mut r = Router::new(STRICT);
        for (i, (now, ev)) in run.inputs.iter().enumerate() {
            if keep >> (i % 64) & 1 == 1 {
                let out = step(&mut r, *now, ev);
                prop_assert!(out.iter().all(|d| d.kind != DecisionKind::NOTE_BUG));
                look(&r, ev);
            }
        }
    }

    #[test]
    fn a_snapshot_and_a_copy_go_on_as_the_original_does(words in tapes(), at: prop::sample::Index) {
        let run = run(&words);
        let at = at.index(run.inputs.len() + 1);
        let mut r = Router::new(STRICT);
        for (now, ev) in &run.inputs[..at] {
            step(&mut r, *now, ev);
        }
        let mut snapshot = Vec::new();
        r.snapshot(&mut snapshot);
        let mut restored = Router::restore(&snapshot, r.config().cloned(), true).unwrap();
        let mut again = Vec::new();
        restored.snapshot(&mut again);
        prop_assert_eq!(&again, &snapshot);
        let mut copy = Router::new(Options::default());
        copy.copy_from(&r);
        for (i, (now, ev)) in run.inputs.iter().enumerate().skip(at) {
            prop_assert_eq!(&step(&mut restored, *now, ev), &run.decisions[i]);
            prop_assert_eq!(restored.digest(), run.digests[i]);
            prop_assert_eq!(&step(&mut copy, *now, ev), &run.decisions[i]);
            prop_assert_eq!(copy.digest(), run.digests[i]);
        }
        if at > 0 {
            prop_assert_eq!(r.digest(), run.digests[at - 1], "a step of the copy moved the original");
        }
    }

    /// What is restored works the digest out from nothing.
    #[test]
    fn the_digest_that_follows_each_change_is_that_of_the_whole_state(words in tapes(), ask: u64) {
        let run = run(&words);
        let mut r = Router::new(STRICT);
        let mut snapshot = Vec::new();
        for (i, (now, ev)) in run.inputs.iter().enumerate() {
            step(&mut r, *now, ev);
            if ask >> (i % 64) & 1 == 1 {
                snapshot.clear();
                r.snapshot(&mut snapshot);
                let mut whole = Router::restore(&snapshot, r.config().cloned(), true).unwrap();
                prop_assert_eq!(r.digest(), whole.digest());
            }
        }
    }

    #[test]
    fn a_snapshot_with_another_byte_is_refused_or_harmless(words in tapes(), at: prop::sample::Index, byte: u8) {
        let mut s = Stream::new(&words);
        let mut r = Router::new(STRICT);
        for _ in 0..30 {
            let ev = s.event(&r);
            let out = step(&mut r, s.now, &ev);
            s.learn(&out);
        }
        let mut snapshot = Vec::new();
        r.snapshot(&mut snapshot);
        let at = at.index(snapshot.len());
        for value in [byte, 0, 0x7f, 0x80, 0xff, snapshot[at].wrapping_add(1), snapshot[at].wrapping_sub(1)] {
            let mut forged = snapshot.clone();
            forged[at] = value;
            let options = r.config().cloned();
            if let Ok(mut r) = Router::restore(&forged, options, false) {
                s.now = s.now.max(r.now());
                for _ in 0..10 {
                    let ev = s.event(&r);
                    r.step(s.now, &mut ev.clone(), &mut Vec::new());
                    look(&r, &ev);
                    r.digest();
                }
                r.succeed();
            }
        }
        // Cut off before one of its optional sections it is whole.
        if let Ok(cut) = Router::restore(&snapshot[..at], r.config().cloned(), false) {
            let mut again = Vec::new();
            cut.snapshot(&mut again);
            prop_assert_eq!(&again, &snapshot[..at]);
        }
    }

    /// What step reaches, restore takes: also from a state that may never have been.
    #[test]
    fn a_forged_state_is_refused_or_borne(words in tapes(), forgeries in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 1..40)) {
        let mut s = Stream::new(&words);
        let mut r = Router::new(STRICT);
        for _ in 0..60 {
            let ev = s.event(&r);
            let out = step(&mut r, s.now, &ev);
            s.learn(&out);
        }
        let mut snapshot = Vec::new();
        r.snapshot(&mut snapshot);
        for (at, word) in forgeries {
            let forged = forge(&snapshot, at, word);
            let Ok(mut r) = Router::restore(&forged, r.config().cloned(), false) else { continue };
            s.now = s.now.max(r.now());
            for _ in 0..20 {
                let ev = s.event(&r);
                let mut again = Vec::new();
                r.snapshot(&mut again);
                let mut twin = Router::restore(&again, r.config().cloned(), false).unwrap();
                prop_assert_eq!(step(&mut r, s.now, &ev), step(&mut twin, s.now, &ev));
                prop_assert_eq!(r.digest(), twin.digest());
                look(&r, &ev);
            }
            r.succeed();
        }
    }

    #[test]
    fn any_bytes_are_no_snapshot_or_a_harmless_one(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = lockstep_core::snapshot_config(&bytes);
        if let Ok(mut r) = Router::restore(&bytes, None, false) {
            step(&mut r, 0, &Event::default());
        }
    }

    #[test]
    fn a_specification_compiles_or_says_where_it_is_wrong(words in tapes()) {
        let mut t = Tape::new(&words);
        match lockstep_core::Config::compile(&stream::spec(&mut t)) {
            Ok(c) => prop_assert!(c.digest() != 0 && c.endpoints() >= c.placements()),
            Err(e) => prop_assert!(e.errors.iter().all(|e| !e.path.is_empty() && !e.what.is_empty())),
        }
    }
}

/// Shows that the streams above reach what they are about.
#[test]
fn the_streams_reach_every_kind_of_decision() {
    let mut seen = [0_u32; 26];
    let mut compiled = 0;
    for seed in 0..400_u64 {
        let words: Vec<u64> = (0..3000).map(|i| lockstep_core::request_hash(seed, i)).collect();
        compiled += Stream::new(&words).configs.len();
        for d in run(&words).decisions.iter().flatten() {
            seen[usize::from(d.kind.0)] += 1;
        }
    }
    let never = [DecisionKind::NONE, DecisionKind::NOTE_BUG].map(|k| usize::from(k.0));
    for (kind, count) in seen.iter().enumerate() {
        assert_eq!(*count == 0, never.contains(&kind), "{}: {count}", DecisionKind(kind as u8));
    }
    assert!(compiled > 600, "{compiled} configurations compile");
}

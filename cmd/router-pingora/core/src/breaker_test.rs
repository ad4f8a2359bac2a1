use super::*;
use crate::time::{MAX_DURATION, MILLISECOND};
use alloc::collections::BTreeMap;
use alloc::vec;
use proptest::prelude::*;

#[test]
fn the_breaker_moves_only_as_its_table_says() {
    let inputs = [BreakerInput::Trip, BreakerInput::Admit, BreakerInput::Recover, BreakerInput::Relapse];
    let allowed = [
        (Circuit::CLOSED, BreakerInput::Trip, Circuit::OPEN),
        (Circuit::OPEN, BreakerInput::Admit, Circuit::HALF_OPEN),
        (Circuit::HALF_OPEN, BreakerInput::Recover, Circuit::CLOSED),
        (Circuit::HALF_OPEN, BreakerInput::Relapse, Circuit::OPEN),
    ];
    for state in [Circuit::NONE, Circuit::CLOSED, Circuit::OPEN, Circuit::HALF_OPEN] {
        for input in inputs {
            let mut b = Breaker { state, r#gen: 7, failures: 3, successes: 2, probes: 1, ..Breaker::default() };
            let to = allowed.iter().find(|a| a.0 == state && a.1 == input).map(|a| a.2);
            let want = match to {
                Some(to) => Breaker { state: to, r#gen: 8, ..Breaker::default() },
                None => b,
            };
            assert_eq!(b.step(input), to.is_some(), "{state:?} on {input:?}");
            assert_eq!(b, want, "{state:?} on {input:?}");
        }
    }
}

#[test]
fn a_breaker_admits_by_state_and_time() {
    let s = BreakerSpec { probes: 2, ..BreakerSpec::default() };
    for (state, probes, now, want) in [
        (Circuit::CLOSED, 0, 5, true),
        (Circuit::OPEN, 0, 8, false),
        (Circuit::OPEN, 0, 9, true),
        (Circuit::HALF_OPEN, 1, 0, true),
        (Circuit::HALF_OPEN, 2, 0, false),
        (Circuit::HALF_OPEN, 3, 0, false), // a push lowered probes
    ] {
        let b = Breaker { state, probes, until: 9, ..Breaker::default() };
        assert_eq!(b.admits(now, &s), want, "{b:?} at {now}");
    }
}

proptest! {
    /// Computes min(open x growth^n, cap) a step at a time in wider arithmetic, and holds the
    /// jitter to its bounds.
    #[test]
    fn open_time_is_the_formula_in_wide_arithmetic(
        open in MILLISECOND..=MAX_DURATION,
        growth in prop::sample::select(vec![1_000_000_u32, 1_000_001, 1_500_000, 2_000_000, 10_000_000]),
        jitter in prop::sample::select(vec![0_u32, 1, 100_000, 1_000_000]),
        cap in 1..=20_i64,
        reopened in 0..=MAX_REOPENED,
        generation: u32,
    ) {
        let s = BreakerSpec { open, growth, jitter, open_max: open * cap, ..BreakerSpec::default() };
        let b = Breaker { reopened, r#gen: generation, ..Breaker::default() };
        let mut d = i128::from(open);
        for _ in 0..reopened {
            d = (d * i128::from(growth) / 1_000_000).min(i128::from(s.open_max));
        }
        let spread = (d * i128::from(jitter) / 1_000_000) as u64;
        let want = d as i64 + below(draw(5, 6, u64::from(generation), Purpose::Jitter), spread) as i64;
        prop_assert_eq!(b.open_time(&s, 5, 6), want);
    }

    #[test]
    fn the_first_guard_is_the_earliest_of_those_left(
        steps in prop::collection::vec((0..=9_u32, any::<bool>(), 0..=50_i64), 1..40),
    ) {
        let mut b = Breaker { state: Circuit::HALF_OPEN, ..Breaker::default() };
        let mut naive = BTreeMap::new();
        for (slot, add, at) in steps {
            let got = if add && !naive.contains_key(&slot) && naive.len() < MAX_PROBES {
                naive.insert(slot, at);
                b.add_probe(slot, at)
            } else {
                naive.remove(&slot);
                b.drop_probe(slot)
            };
            prop_assert_eq!(got, naive.values().copied().min().unwrap_or(NEVER));
            prop_assert_eq!(usize::from(b.probes), naive.len());
        }
    }
}

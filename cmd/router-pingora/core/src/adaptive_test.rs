use super::*;
use crate::inflight::MAX_IN_FLIGHT;
use crate::time::{MILLISECOND, SECOND};
use proptest::prelude::*;

/// Feeds a limit with windows of a server that answers in `service` while no more than `workers`
/// are in it, and in proportion above; returns the smallest and largest limit of the second half.
fn closed(a: &mut Adaptive, s: &AdaptiveSpec, windows: i32, workers: i32, service: Duration) -> (i32, i32) {
    let (mut low, mut high) = (i32::MAX, 0);
    for i in 0..windows {
        let n = a.now(s).min(1000);
        let took = if n > workers { service * Duration::from(n) / Duration::from(workers) } else { service };
        (a.peak, a.busy) = (a.peak.max(n), true);
        if a.phase != Phase::Draining {
            (a.count, a.sum) = (MIN_SAMPLES, took as u64 * u64::from(MIN_SAMPLES));
        }
        a.turn(s, n);
        if i > windows / 2 {
            (low, high) = (low.min(a.now(s)), high.max(a.now(s)));
        }
    }
    (low, high)
}

const SPEC: AdaptiveSpec = AdaptiveSpec { min: 10, max: 500, start: 10, window: SECOND, tolerance: 150, remeasure: 30 };

#[test]
fn with_constant_latency_a_limit_rises_to_its_bound() {
    let mut a = Adaptive::new(&SPEC);
    closed(&mut a, &SPEC, 29, 1000, MILLISECOND);
    assert_eq!(a.now(&SPEC), 500);
}

#[test]
fn under_lasting_overload_a_limit_stays_near_the_knee() {
    let mut a = Adaptive::new(&SPEC);
    let (low, high) = closed(&mut a, &SPEC, 600, 100, 10 * MILLISECOND);
    assert!(low >= 50 && high <= 250, "from {low} to {high}");
}

proptest! {
    #[test]
    fn the_integer_root_is_the_root(n in 0..=1_u64 << 40) {
        let root = sqrt(n);
        prop_assert!(root * root <= n && (root + 1) * (root + 1) > n);
    }

    #[test]
    fn a_limit_never_leaves_its_bounds(
        tolerance in 110..=190_u32,
        remeasure in 4..=40_u32,
        bounds in prop::array::uniform3(1..=MAX_IN_FLIGHT as i32),
        windows in prop::collection::vec((0..=100_u32, 1..=MAX_DURATION as u64, any::<prop::sample::Index>()), 200),
    ) {
        let mut bounds = bounds;
        bounds.sort_unstable();
        let [min, start, max] = bounds;
        let s = AdaptiveSpec { min, max, start, window: SECOND, tolerance, remeasure };
        let mut a = Adaptive::new(&s);
        for (samples, latency, peak) in windows {
            (a.count, a.sum) = (samples, u64::from(samples) * latency);
            (a.peak, a.busy) = (peak.index(a.now(&s) as usize + 6) as i32, true);
            let in_flight = a.peak;
            a.turn(&s, in_flight);
            prop_assert!((min..=max).contains(&a.now(&s)), "{} is outside {min} to {max}", a.now(&s));
        }
    }
}

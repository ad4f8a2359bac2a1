use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

proptest! {
    /// Holds the ring of buckets against a list.
    #[test]
    fn a_window_is_the_outcomes_of_ten_buckets(
        width in 1..=1000_i64,
        outcomes in prop::collection::vec((0..8_usize, any::<bool>(), any::<bool>()), 0..60),
    ) {
        let later = [0, 1, width - 1, width, 3 * width, 9 * width, 10 * width, 1_000_000];
        let (mut w, mut all, mut now) = (Window::default(), Vec::new(), 0);
        for (step, failed, slow) in outcomes {
            now += later[step];
            let bucket = now / width;
            w.roll(now, width);
            w.add(failed, slow);
            all.push((bucket, failed, slow));
            let mut want = [0; 3];
            for o in all.iter().filter(|o| o.0 > bucket - WINDOW_BUCKETS as i64) {
                want[0] += 1;
                want[1] += u64::from(o.1);
                want[2] += u64::from(o.2);
            }
            prop_assert_eq!(w.total, want);
        }
    }
}

#[test]
fn a_full_bucket_keeps_its_ratios() {
    let full = Tally { requests: u32::MAX, failures: 1 << 31, slow: 0 };
    let mut w = Window { total: [u64::from(u32::MAX), 1 << 31, 0], ..Window::default() };
    w.buckets[0] = full;
    w.add(true, true);
    assert_eq!((w.buckets[0], w.total[0]), (full, u64::from(u32::MAX)));
    let s = BreakerSpec { failure_ratio: 500_000, min_requests: 1, ..BreakerSpec::default() };
    assert_eq!(w.trips(&s), Some(Trip::RATIO));
}

#[test]
fn settings_that_count_otherwise_are_another_trip_mode() {
    let s = BreakerSpec { failure_ratio: 5, window: 7, slow_call: 3, ..BreakerSpec::default() };
    assert!(same_trip_mode(&s, &BreakerSpec { failure_ratio: 6, min_requests: 9, ..s.clone() }));
    for other in [
        BreakerSpec { failure_ratio: 0, ..s.clone() },
        BreakerSpec { slow_ratio: 1, ..s.clone() },
        BreakerSpec { window: 8, ..s.clone() },
        BreakerSpec { slow_call: 4, ..s.clone() },
    ] {
        assert!(!same_trip_mode(&s, &other), "{other:?}");
    }
}

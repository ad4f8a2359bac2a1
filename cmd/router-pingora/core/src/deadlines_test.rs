use super::*;
use alloc::collections::BTreeSet;
use proptest::prelude::*;

const ALL: [TimerKind; 7] = [
    TimerKind::BreakerGuard,
    TimerKind::HealthGuard,
    TimerKind::Health,
    TimerKind::Drain,
    TimerKind::Queue,
    TimerKind::Retry,
    TimerKind::Limit,
];

proptest! {
    /// Compares the indexed heap with a sorted set.
    #[test]
    fn the_heap_is_a_sorted_set(
        steps in prop::collection::vec((0..7_usize, 0..12_i32, prop::sample::select(&[0, 1, 2, 3, 5, 8, NEVER][..])), 1..120),
    ) {
        let mut heap = Timers::default();
        heap.reserve(12);
        let mut set: BTreeSet<(Time, u32, i32)> = BTreeSet::new();
        for (k, n, at) in steps {
            heap.set(ALL[k], n, at);
            set.retain(|(_, kind, number)| (*kind, *number) != (ALL[k] as u32, n));
            if at != NEVER {
                set.insert((at, ALL[k] as u32, n));
            }
            prop_assert_eq!(heap.get(ALL[k], n), at);
            prop_assert_eq!(heap.next(), set.first().map_or(NEVER, |t| t.0));
        }
        for (at, kind, number) in set {
            let first = heap.first().unwrap();
            prop_assert_eq!((first.at, first.kind().unwrap() as u32, first.number()), (at, kind, number));
            heap.set(first.kind().unwrap(), number, NEVER);
        }
        prop_assert_eq!(heap.next(), NEVER);
    }
}

#[test]
fn timers_at_one_time_fire_by_kind_then_number() {
    let mut heap = Timers::default();
    heap.reserve(3);
    for k in ALL.into_iter().rev() {
        (0..3).rev().for_each(|n| heap.set(k, n, 7));
    }
    for (k, n) in ALL.into_iter().flat_map(|k| (0..3).map(move |n| (k, n))) {
        let first = heap.first().unwrap();
        assert_eq!((first.kind(), first.number()), (Some(k), n));
        heap.set(k, n, NEVER);
    }
}

#[test]
fn disarming_what_is_not_armed_is_harmless() {
    let mut heap = Timers::default();
    heap.reserve(2);
    heap.set(TimerKind::Health, 0, 5);
    heap.set(TimerKind::Health, 1, NEVER);
    assert_eq!((heap.next(), heap.get(TimerKind::Health, 1)), (5, NEVER));
}

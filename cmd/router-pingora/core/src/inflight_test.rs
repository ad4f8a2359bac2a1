use super::*;
use crate::router::{Options, Router};
use alloc::collections::BTreeMap;
use proptest::prelude::*;

proptest! {
    /// Compares the table with a map of taken slots: take gives the lowest free one, next the
    /// lowest taken one, find what was put there.
    #[test]
    fn the_slot_table_is_a_map(steps in prop::collection::vec((0..3_u8, 0..200_u32, 0..220_u32), 1..200)) {
        let mut table = SlotTable::default();
        let mut naive: BTreeMap<u32, u32> = BTreeMap::new();
        for (i, (operation, slot, from)) in steps.into_iter().enumerate() {
            if operation < 2 {
                let want = (0..).find(|n| !naive.contains_key(n)).unwrap();
                prop_assert_eq!(table.take(), Some(want));
                table.at_mut(want).r#gen = i as u32 + 1;
                naive.insert(want, i as u32 + 1);
            } else if naive.remove(&slot).is_some() {
                table.release(slot);
            }
            prop_assert_eq!(table.live as usize, naive.len());
            prop_assert_eq!(table.next(from), naive.range(from..).next().map(|(n, _)| *n));
            let generation = naive.get(&from).copied().unwrap_or(0);
            prop_assert_eq!(table.find(Handle { slot: from, r#gen: generation }).is_some(), generation != 0);
            prop_assert!(table.taken().map(|(n, _)| n).eq(naive.keys().copied()));
        }
    }
}

/// Fills every level of the index.
#[test]
fn a_full_table_gives_the_one_slot_that_is_freed() {
    let mut table = SlotTable::default();
    for want in 0..MAX_IN_FLIGHT as u32 {
        assert_eq!(table.take(), Some(want));
    }
    assert_eq!((table.take(), table.chunks.len()), (None, MAX_CHUNKS));
    let last = MAX_IN_FLIGHT as u32 - 1;
    for n in [0, 63, 64, 4095, 4096, 262_143, 262_144, 500_000, last] {
        table.release(n);
        assert_eq!((table.take(), table.take()), (Some(n), None));
    }
    assert_eq!((table.next(last), table.next(last + 1)), (Some(last), None));
}

#[test]
fn a_handle_names_one_attempt_only() {
    let mut table = SlotTable::default();
    let n = table.take().unwrap();
    table.at_mut(n).r#gen = 5;
    let handle = |slot, generation| Handle { slot, r#gen: generation };
    for h in [handle(0, 0), handle(n, 4), handle(n, 6), handle(n + 1, 5), handle(1024, 5), handle(1 << 31, 5)] {
        assert!(table.find(h).is_none(), "{h:?} finds an attempt");
    }
    assert!(table.find(handle(n, 5)).is_some(), "its own handle does not find it");
    table.release(n);
    assert!(table.find(handle(n, 5)).is_none(), "it is found after its end");
}

#[test]
fn reserve_makes_room_for_exactly_that_many() {
    for (in_flight, chunks) in [(0, 0), (1, 1), (1024, 1), (1025, 2), (2 * MAX_IN_FLIGHT, MAX_CHUNKS)] {
        let mut r = Router::new(Options::default());
        r.reserve(None, in_flight);
        assert_eq!(r.slots.chunks.len(), chunks, "room for {in_flight}");
    }
}

use super::*;
use alloc::collections::BTreeMap;
use proptest::prelude::*;

proptest! {
    /// Compares the table with a map of counts: it counts all as long as no bucket is full, and
    /// never loses what it counts.
    #[test]
    fn the_table_of_tenants_is_a_map(
        ids in prop::collection::vec(1..=u64::MAX, 1..100),
        steps in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..300),
    ) {
        let mut table = Tenants(vec![TenantCell::default(); tenant_cells(8)]);
        let mut naive: BTreeMap<u64, i32> = BTreeMap::new();
        for (at, add) in steps {
            let id = *at.get(&ids);
            let known = naive.contains_key(&id);
            if add {
                let full = naive.keys().filter(|&&other| table.bucket(other) == table.bucket(id)).count();
                let ok = table.add(id);
                prop_assert_eq!(ok, known || full < BUCKET_CELLS);
                if ok {
                    *naive.entry(id).or_default() += 1;
                }
            } else {
                prop_assert_eq!(table.drop(id), known);
                if let Some(n) = naive.get_mut(&id) {
                    *n -= 1;
                }
                naive.retain(|_, n| *n > 0);
            }
            for id in &ids {
                prop_assert_eq!(table.held(*id), naive.get(id).copied().unwrap_or(0));
            }
        }
    }

    /// The guarantee in SPEC: k tenants that take all they can get, one after the other, leave
    /// room x (1 - t)^k - k slots.
    #[test]
    fn greedy_tenants_leave_room_for_the_next(room in 1..=2000_i32, share in 1..=99_u32, tenants in 1..=6_u64) {
        let l = LimitSpec { in_flight: room, tenant_share: share, ..LimitSpec::default() };
        let mut s =
            Placement { tenants: Tenants(vec![TenantCell::default(); tenant_cells(room)]), ..Placement::default() };
        let mut left = f64::from(room);
        for tenant in 1..=tenants {
            let route = Route { key: tenant << 40, reason: Reason::DEDICATED, ..Route::default() };
            let ev = Event { route, ..Event::default() };
            while s.in_flight < room && s.ration(&l, room, 0, 0, &ev, false) == Room::Yes {
                prop_assert!(s.tenants.add(tenant_of(&l, &route, false)));
                s.in_flight += 1;
            }
            left *= f64::from(100 - share) / 100.0;
            prop_assert!(f64::from(room - s.in_flight) >= left - tenant as f64 - 1e-6);
        }
    }
}

#[test]
fn a_table_nobody_asked_for_counts_nobody() {
    let mut none = Tenants::default();
    assert!(none.is_empty() && !none.add(7) && !none.drop(7));
    assert_eq!(none.held(7), 0);
}

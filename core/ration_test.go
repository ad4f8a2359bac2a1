package core

import (
	"testing"

	"pgregory.net/rapid"
)

// TestTheTableOfTenantsIsAMap compares the table with a map of counts: it counts
// all as long as no bucket is full, and never loses what it counts.
func TestTheTableOfTenantsIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, naive := make(tenants, tenantCells(8)), map[uint64]int32{}
		ids := rapid.SliceOfN(rapid.Uint64Min(1), 1, 100).Draw(t, "ids")
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			id := rapid.SampledFrom(ids).Draw(t, "id")
			if rapid.Bool().Draw(t, "add") {
				full := 0
				for other := range naive {
					if &table.bucket(other)[0] == &table.bucket(id)[0] {
						full++
					}
				}
				if ok := table.add(id); ok != (naive[id] > 0 || full < bucketCells) {
					t.Fatalf("add(%x) = %v with %d tenants in its bucket", id, ok, full)
				} else if ok {
					naive[id]++
				}
			} else if ok := table.drop(id); ok != (naive[id] > 0) {
				t.Fatalf("drop(%x) = %v, it has %d", id, ok, naive[id])
			} else if naive[id]--; naive[id] <= 0 {
				delete(naive, id)
			}
			for _, id := range ids {
				if table.held(id) != naive[id] {
					t.Fatalf("%x holds %d, the map says %d", id, table.held(id), naive[id])
				}
			}
		}
	})
}

// greedy offers one request of a tenant to a placement and books it if it is admitted.
func greedy(s *placement, l *LimitSpec, tenant uint64) bool {
	ev := Event{Route: Route{Hashes: Hashes{Key: tenant}, Reason: ReasonDedicated}}
	if s.inFlight >= l.InFlight || s.ration(l, l.InFlight, 0, 0, &ev, false) != roomYes {
		return false
	}
	s.tenants.add(tenant)
	s.inFlight++
	return true
}

// TestGreedyTenantsLeaveRoomForTheNext is the guarantee in SPEC: k tenants that
// take all they can get, one after the other, leave room x (1 - t)^k - k slots.
func TestGreedyTenantsLeaveRoomForTheNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &LimitSpec{InFlight: rapid.Int32Range(1, 2000).Draw(t, "limit"), TenantShare: rapid.Uint32Range(1, 99).Draw(t, "share")}
		s := &placement{tenants: make(tenants, tenantCells(l.InFlight))}
		least := float64(l.InFlight)
		for k := range rapid.IntRange(1, 6).Draw(t, "tenants") {
			taken := 0
			for greedy(s, l, uint64(k+10)<<33) {
				taken++
			}
			if k == 0 && taken > max(1, int(l.InFlight)*int(l.TenantShare)/100) {
				t.Fatalf("alone it holds %d of %d, its share is %d %%", taken, l.InFlight, l.TenantShare)
			}
			least *= 1 - float64(l.TenantShare)/100
			if free := l.InFlight - s.inFlight; float64(free) < least-float64(k+1) {
				t.Fatalf("%d tenants leave %d of %d free, at least %.1f are promised", k+1, free, l.InFlight, least-float64(k+1))
			}
		}
	})
}

// TestATenantIsRefusedOnlyWhenOneThatHoldsMoreWouldBeToo: at one moment, who
// holds less is never refused for its share while who holds more is not.
func TestATenantIsRefusedOnlyWhenOneThatHoldsMoreWouldBeToo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &LimitSpec{InFlight: rapid.Int32Range(1, 300).Draw(t, "limit"), TenantShare: rapid.Uint32Range(1, 99).Draw(t, "share")}
		s := &placement{tenants: make(tenants, tenantCells(l.InFlight))}
		for range rapid.IntRange(1, 400).Draw(t, "requests") {
			greedy(s, l, uint64(rapid.IntRange(10, 14).Draw(t, "tenant"))<<33)
		}
		asks := func(tenant int) bool {
			ev := Event{Route: Route{Hashes: Hashes{Key: uint64(tenant) << 33}, Reason: ReasonDedicated}}
			return s.ration(l, l.InFlight, 0, 0, &ev, false) == roomYes
		}
		for a := 10; a <= 14; a++ {
			for b := 10; b <= 14; b++ {
				if s.tenants.held(uint64(a)<<33) <= s.tenants.held(uint64(b)<<33) && !asks(a) && asks(b) {
					t.Fatalf("tenant %d holds %d and is refused, tenant %d holds %d and is not", a, s.tenants.held(uint64(a)<<33), b, s.tenants.held(uint64(b)<<33))
				}
			}
		}
	})
}

func TestGuestsDoNotMoveTheShareOfThoseAtHome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &LimitSpec{InFlight: rapid.Int32Range(2, 300).Draw(t, "limit"), TenantShare: rapid.Uint32Range(1, 99).Draw(t, "share"), Priorities: [MaxPriorities]uint8{100, 60, 30}}
		l.Guests = rapid.Int32Range(1, l.InFlight-1).Draw(t, "guests")
		home := rapid.Int32Range(0, l.InFlight-l.Guests).Draw(t, "home")
		ev := Event{Route: Route{Hashes: Hashes{Key: 5 << 33}, Reason: ReasonDedicated}, Priority: uint8(rapid.IntRange(0, 3).Draw(t, "priority"))}
		answer := func(guests int32) room {
			s := &placement{tenants: make(tenants, tenantCells(l.InFlight)), inFlight: home + guests, guests: guests}
			for range home / 2 {
				s.tenants.add(5 << 33)
			}
			return s.ration(l, l.InFlight, l.Guests, 0, &ev, false)
		}
		if a, b := answer(0), answer(rapid.Int32Range(0, l.Guests).Draw(t, "there")); a != b {
			t.Fatalf("a home request gets %d without guests and %d with them", a, b)
		}
	})
}

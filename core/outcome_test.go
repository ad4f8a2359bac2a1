package core

import "testing"

func TestAnOutcomeIsTheClassOrTheStatus(t *testing.T) {
	for _, c := range []struct {
		class  Class
		status uint16
		want   Class
		ok     bool
	}{
		{ClassNone, 99, Internal, false},
		{ClassNone, 100, ClassNone, true},
		{ClassNone, 499, ClassNone, true},
		{ClassNone, 500, Upstream5xx, true},
		{ClassNone, 599, Upstream5xx, true},
		{ClassNone, 600, Internal, false},
		{ClassNone, 0, Internal, false},
		{ClientGone, 0, ClientGone, true},
		{BodyTimeout, 999, BodyTimeout, true},
		{classes, 200, Internal, false},
		{255, 200, Internal, false},
	} {
		if got, ok := outcomeOf(c.class, c.status); got != c.want || ok != c.ok {
			t.Errorf("class %d, status %d: %v %v, want %v %v", c.class, c.status, got, ok, c.want, c.ok)
		}
	}
}

// TestAfterAReplyOnlyABrokenBodyCounts tries every class as the end of a
// response that has been booked as ok, with a threshold of one failure.
func TestAfterAReplyOnlyABrokenBodyCounts(t *testing.T) {
	for class := range classes {
		r := peers(t, First, 1)
		r.config.placements[0].breaker.Failures = 1
		h := send(r, 1, 1).Handle
		if out := r.Step(0, &Event{Kind: Reply, Handle: h, Status: 200}, nil); len(out) != 0 {
			t.Fatalf("%+v", out)
		}
		out := r.Step(0, &Event{Kind: Finish, Handle: h, Class: class, Status: 200}, nil)
		opens := len(out) == 1 && out[0].Kind == NoteOpened
		if want := class == BrokenBody || class == BodyTimeout; opens != want || r.InFlight() != 0 {
			t.Errorf("%v after a reply: %+v", class, out)
		}
	}
}

// TestATripIsCappedAtTheFloorOfTheShare opens endpoints one by one and counts how many may be.
func TestATripIsCappedAtTheFloorOfTheShare(t *testing.T) {
	for _, c := range []struct {
		endpoints int
		percent   uint32
		most      int
	}{{1, 1, 1}, {3, 1, 1}, {3, 33, 1}, {3, 66, 1}, {3, 67, 2}, {3, 99, 2}, {3, 100, 3}, {10, 50, 5}, {10, 59, 5}} {
		first := []string{"a", "a1", "a2"} // numbers and indexes of p's endpoints begin at 2
		p := []string{"p"}
		for i := range c.endpoints {
			p = append(p, string(rune('a'+i)))
		}
		r := New(Options{Strict: true})
		adopt(t, r, placements(t, "1", first, p))
		r.config.placements[1].breaker.MaxOpenPercent = c.percent
		for n := range int32(c.endpoints) {
			d := r.trip(0, n+2, TripConsecutive, nil)[0]
			if want := int(n) >= c.most; (d.Kind == NoteTripCapped) != want || want && d.Count != uint32(c.most) {
				t.Errorf("%d %% of %d: opening number %d gives %v, count %d", c.percent, c.endpoints, n+1, d.Kind, d.Count)
			}
		}
	}
}

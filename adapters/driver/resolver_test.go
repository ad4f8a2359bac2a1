package driver

import (
	"testing"

	"lockstep/core"
)

// lateral resolves by the configuration that it is asked about, and lets a push
// come between while it thinks.
type lateral struct {
	asked []*core.Config
	push  func()
}

func (l *lateral) Resolve(c *core.Config) Resolved {
	l.asked = append(l.asked, c)
	if l.push != nil {
		l.push()
		l.push = nil
	}
	if c == nil {
		return Resolved{}
	}
	return Resolved{Key: "b", Via: uint16(c.Routes() - 1)} // the last route
}

func TestARequestIsResolvedAgainWhenAPushComesBetween(t *testing.T) {
	d := manual()
	defer d.Close()
	before := spec("1", "a", "b")
	before.Tables = []core.TableSpec{{Name: "t", Keys: []core.KeySpec{{Key: "b", Placement: "a"}}}}
	before.Routes = []core.RouteSpec{{Table: "t"}}
	adopt(t, d, before)
	var after *core.Config
	l := &lateral{push: func() { after = adopt(t, d, spec("2", "a", "b")) }}
	adm := d.Arrive(Arrival{Resolver: l})
	if adm.Kind != core.Forward || adm.PlacementName != "b" {
		t.Errorf("%v to %q, want b: by route 1 of the old configuration it was a", adm.Kind, adm.PlacementName)
	}
	if len(l.asked) != 2 || l.asked[1] != after {
		t.Errorf("asked %d times", len(l.asked))
	}
}

func TestWhatTheEdgeFoundIsDecidedAndRecordedAsSuch(t *testing.T) {
	d := manual()
	defer d.Close()
	if adm := d.Arrive(Arrival{Resolver: &lateral{}}); adm.Class != core.NoKey {
		t.Errorf("before the first configuration: %v", adm.Class)
	}
	s := spec("1", "a")
	s.NoRouteStatus = 421
	adopt(t, d, s)
	if adm := d.Arrive(Arrival{Refuse: core.NoRoute}); adm.Class != core.NoRoute || adm.Status != 421 {
		t.Errorf("%v %d", adm.Class, adm.Status)
	}
}

func TestASplitIsDrawnByTheRequestOrByWhoIsNamed(t *testing.T) {
	d := manual()
	defer d.Close()
	s := spec("1", "a", "b")
	s.Splits = []core.SplitSpec{{Name: "s", Parts: []core.PartSpec{{Placement: "a", Share: 500_000}, {Placement: "b", Share: 500_000}}}}
	s.Keys = append(s.Keys, core.KeySpec{Key: "k", Placement: "s"})
	c := adopt(t, d, s)
	for i := range uint64(100) {
		id := [2]uint64{0, i}
		for _, split := range []uint64{0, core.HashString("joe")} {
			who := split
			if who == 0 {
				who = core.RequestHash(0, i)
			}
			want, _ := c.MatchVia(0, "k", who)
			adm := d.Arrive(Arrival{Key: "k", ID: id, Split: split})
			if adm.PlacementIndex != int(want.Placement) {
				t.Fatalf("request %d of %x goes to %d, want %d", i, split, adm.PlacementIndex, want.Placement)
			}
			d.Finish(adm.Handle, core.ClassNone, 200, true)
		}
	}
}

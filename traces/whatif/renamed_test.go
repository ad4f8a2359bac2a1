package whatif_test

import (
	"testing"

	"lockstep/core"
	"lockstep/traces/whatif"
)

func TestARenamedPlacementStaysAsIllAsItWas(t *testing.T) {
	data := busy(t, plain(t, nil), 20_000)
	c := compiled(t, func(s *core.Spec) {
		for i := range s.Placements {
			p := &s.Placements[i]
			p.Name, p.Fallback[0] = "new-"+p.Name, "new-"+p.Fallback[0]
		}
		for i := range s.Keys {
			s.Keys[i].Placement = "new-" + s.Keys[i].Placement
		}
		s.Default = "new-" + s.Default
	})
	r := try(t, data, whatif.Options{Config: c})
	if r.Before.Errors < 50 || r.After.Errors < r.Before.Errors/2 || r.After.Errors > 2*r.Before.Errors {
		t.Errorf("%d of %d requests failed as recorded, %d under new names for the same servers", r.Before.Errors, r.Before.Requests, r.After.Errors)
	}
	if r.Assumed.OtherName == 0 || r.Assumed.NeverSeen > 0 || r.Outcomes.Recorded > 0 {
		t.Errorf("assumed %+v, outcomes %+v", r.Assumed, r.Outcomes)
	}
}

func TestWithOtherRoutesWhatTheyMatchIsUnknownWhereItMatters(t *testing.T) {
	data := busy(t, plain(t, nil), 5_000)
	two := func(second string) *core.Config {
		return compiled(t, func(s *core.Spec) {
			s.Tables = append(s.Tables, core.TableSpec{Name: "second", Keys: []core.KeySpec{{Key: "tenant-0", Placement: "p00"}, {Key: "tenant-1", Placement: second}}})
			s.Routes = []core.RouteSpec{{Default: s.Default}, {Table: "second", Default: "p02"}}
		})
	}
	r := try(t, data, whatif.Options{Config: two("p01")})
	if r.Assumed.OtherRoutes == 0 || r.Decisions.Unknown+40 < r.Assumed.OtherRoutes || // 40 are in flight at the end
		r.Assumed.OtherRoutes >= r.Requests {
		t.Errorf("of %d requests %d depend on their route: %+v", r.Requests, r.Assumed.OtherRoutes, r.Decisions)
	}
	same := compiled(t, func(s *core.Spec) {
		s.Routes = []core.RouteSpec{{Default: s.Default}, {Default: s.Default}}
	})
	r = try(t, data, whatif.Options{Config: same})
	if r.Assumed.OtherRoutes != 0 || r.Decisions.Recorded != r.Requests {
		t.Errorf("it makes no difference by which route they come: %+v, %+v", r.Assumed, r.Decisions)
	}
}

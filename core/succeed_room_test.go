package core_test

import (
	"testing"

	"lockstep/core"
)

func TestASuccessorForgetsWhatTenantsHeldAndKeepsTheAdaptiveLimit(t *testing.T) {
	c, err := core.Compile(core.Spec{Version: "1", Default: "a", Placements: []core.PlacementSpec{{
		Name: "a", Health: core.HealthSpec{Off: true}, Endpoints: []core.EndpointSpec{{URL: "http://a"}},
		Limit: core.LimitSpec{InFlight: 10, TenantShare: 30, Adaptive: core.AdaptiveSpec{Min: 2, Max: 20}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	r := core.New(core.Options{Strict: true})
	r.Step(0, &core.Event{Kind: core.Adopt, Config: c}, nil)
	route, _ := c.Match("somebody")
	for range 3 {
		r.Step(1, &core.Event{Kind: core.Arrive, Epoch: r.Epoch(), Route: route}, nil)
	}
	if r.Placement(0).InFlight == 0 {
		t.Fatal("nothing is in flight")
	}
	s := successor(t, r)
	if p := s.Placement(0); p.InFlight != 0 || p.Limit != r.Placement(0).Limit || s.TenantInFlight(0, route, false) != 0 {
		t.Errorf("the successor has %+v and %d of the tenant, its predecessor %+v", p, s.TenantInFlight(0, route, false), r.Placement(0))
	}
	again, err := core.Restore(s.Snapshot(nil), c, true)
	if err != nil || again.Digest() != s.Digest() {
		t.Errorf("its digest is not that of its state: %v", err)
	}
}

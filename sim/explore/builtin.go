package explore

import "lockstep/core"

// BuiltIn is the world explored when no configuration is given: a cell of two
// equal endpoints that falls back to a shared one. The shared one starts
// unhealthy, so that its active probe can make it healthy.
func BuiltIn() *World {
	breaker := core.BreakerSpec{Failures: 1, Open: 10 * core.Second, Growth: 2_000_000, OpenMax: 20 * core.Second}
	timeouts := core.TimeoutSpec{Connect: core.Second, ResponseHeader: 3 * core.Second}
	tier := breaker
	tier.Failures = 2
	return &World{
		Name: "the built-in world",
		Spec: core.Spec{
			Version: "1",
			Keys:    []core.KeySpec{{Key: "a", Placement: "cell"}, {Key: "b", Placement: "tier"}},
			Placements: []core.PlacementSpec{
				{
					Name: "cell", Fallback: []string{"tier"},
					Endpoints: []core.EndpointSpec{{URL: "http://a"}, {URL: "http://b"}},
					Limit:     core.LimitSpec{InFlight: 2, WhenFull: core.FailOverWhenFull},
					Breaker:   breaker, Timeouts: timeouts,
				},
				{
					Name: "tier", Endpoints: []core.EndpointSpec{{URL: "http://c"}},
					Limit:   core.LimitSpec{InFlight: 2, Guests: 1},
					Breaker: tier, Timeouts: timeouts, Health: core.HealthSpec{StartUnhealthy: true},
				},
			},
		},
		Requests: 3,
		Crashes:  1,
	}
}

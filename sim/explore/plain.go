package explore

import (
	"strings"

	"lockstep/core"
)

// plain takes away what would make a world endless, because it counts or
// measures time without coming back to a state: windows, latencies, slow
// starts. With them goes what narrows a selection, since endpoints of one
// placement have to be alike. It returns what was left out, in words.
func plain(p *core.PlacementSpec) string {
	var out []string
	b := &p.Breaker
	if b.Preset != "" {
		// Its values, and not its name, stay: others of them are scaled.
		c, err := core.Compile(core.Spec{Version: "-", Placements: []core.PlacementSpec{{
			Name: "-", Breaker: *b, Endpoints: []core.EndpointSpec{{URL: "http://-"}},
		}}})
		if err == nil {
			*b = c.Placement(0).Breaker
		}
	}
	if b.FailureRatio+b.SlowRatio > 0 {
		out = append(out, "breaker ratios")
		b.FailureRatio, b.SlowRatio, b.Window, b.MinRequests, b.SlowCall = 0, 0, 0, 0, 0
	}
	for _, part := range []struct {
		name string
		set  bool
	}{
		{"bound", p.Bound > 0}, {"decay", p.Decay > 0}, {"slow_start", p.SlowStart > 0}, {"sticky", p.Sticky.Cookie != ""}, {"shards", p.Shards > 0},
	} {
		if part.set {
			out = append(out, part.name)
		}
	}
	p.Bound, p.Decay, p.SlowStart, p.Sticky, p.Shards = 0, 0, 0, core.StickySpec{}, 0
	if len(out) == 0 {
		return ""
	}
	return "without " + strings.Join(out, ", ")
}

package explain

import (
	"fmt"
	"time"

	"lockstep/core"
	"lockstep/traces/say"
)

// What an explanation says of ratio trips and of how an endpoint was picked (R6, R10).

// Window is a breaker's window at the moment of a decision.
type Window struct {
	Requests uint64 `json:"requests"`
	Failures uint64 `json:"failures"`
	Slow     uint64 `json:"slow"`
	text     string // with what would trip it
}

// choose fills in what the placement has of it.
func (at *Endpoint) choose(r *core.Router, now core.Time, info *core.PlacementInfo, n int32) {
	v := r.Choice(now, n)
	if b := &info.Breaker; b.Window > 0 && v.Requests > 0 && at.Breaker == core.Closed.String() {
		at.Window = &Window{v.Requests, v.Failures, v.Slow, ""}
		text := fmt.Sprintf("%d in its last %s", v.Requests, say.Span(b.Window))
		if b.FailureRatio > 0 {
			text += fmt.Sprintf(", %d failed (opens at %s)", v.Failures, ppmText(b.FailureRatio))
		}
		if b.SlowRatio > 0 {
			text += fmt.Sprintf(", %d took %s or longer (opens at %s)", v.Slow, say.Span(b.SlowCall), ppmText(b.SlowRatio))
		}
		if v.Requests < uint64(b.MinRequests) {
			text += fmt.Sprintf(", too few to judge by: %d are needed", b.MinRequests)
		}
		at.Window.text = text
	}
	if info.SlowStart > 0 && v.Share < 1000 {
		at.SlowStart = int(v.Share / 10)
	}
	if v.Latency > 0 {
		at.Latency = time.Duration(v.Latency).Round(10 * time.Microsecond).String()
	}
}

func ppmText(share uint32) string { return fmt.Sprintf("%d %%", share/10_000) }

// chosen is what the line of an endpoint ends with.
func (at *Endpoint) chosen() (s string) {
	if at.Latency != "" {
		s += ", latency " + at.Latency
	}
	if at.SlowStart > 0 {
		s += fmt.Sprintf(", slow start at %d %%", at.SlowStart)
	}
	if at.Cookie {
		s += ", named by the client's cookie"
	}
	if at.Window != nil {
		s += "; " + at.Window.text
	}
	return s
}

// howPicked is what picked the endpoint: the policy, or the client's cookie.
func howPicked(s *Story, r *core.Router, d *core.Decision) string {
	info := r.Config().Placement(r.Placement(d.Placement).Index)
	how := "by " + info.Select.String()
	if info.Bound > 0 {
		how += fmt.Sprintf(" within %d %% of an even load", info.Bound)
	}
	if info.Shards > 0 {
		how += fmt.Sprintf(" from the key's shard of %d", info.Shards)
	}
	for _, c := range s.Candidates {
		if c.Placement != info.Name {
			continue
		}
		for i := range c.Endpoints {
			e := &c.Endpoints[i]
			if e.Cookie && e.Name == r.Endpoint(d.Endpoint).Name && !d.Pin {
				return "by the client's cookie"
			}
		}
	}
	if d.Pin {
		how += ", and the client is pinned to it"
	}
	return how
}

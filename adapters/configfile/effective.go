package configfile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	edge "lockstep/adapters/settings"
	"lockstep/core"
)

// Value is one setting of a placement as it takes effect.
type Value struct {
	Path  string   `json:"path"`  // in the names of the native form, below the placement: limit.guests
	Value string   `json:"value"` // as the native form writes it
	From  Position `json:"from"`  // where it is written; the zero Position means it is a default
}

// Effective lists every setting of the placement at that index of c, which must
// come from f.Compile, with the place that it comes from.
func (f *File) Effective(c *core.Config, index int) []Value {
	name, out := c.Placement(index).Name, f.EffectiveValues(c, index)
	for i := range out {
		if at, ok := f.Where("placements." + name + "." + out[i].Path); ok {
			out[i].From = at
		}
	}
	return out
}

// EffectiveValues is Effective without the places, each of which has to be
// looked for among all placements.
func (f *File) EffectiveValues(c *core.Config, index int) []Value {
	p := c.Placement(index)
	out := make([]Value, 0, 40)
	add := func(path, value string) { out = append(out, Value{Path: path, Value: value}) }
	for _, name := range slices.Sorted(maps.Keys(f.Labels[p.Name])) {
		add("labels."+name, f.Labels[p.Name][name])
	}
	add("kind", p.Kind.String())
	f.effectiveEndpoints(c, p, add)
	add("fallback", fallbackText(c, p))
	add("last_resort", map[core.LastResort]string{core.UseLastResort: "use", core.RefuseLastResort: "refuse"}[p.LastResort])
	add("select", p.Select.String())
	effectiveChoice(p, add)
	if p.Panic > 0 {
		add("panic_percent", fmt.Sprintf("%d%%", p.Panic))
		add("panic", p.PanicDo.String())
	}
	effectiveLimit(p, add)
	effectiveRetries(p.Retries, add)
	effectiveBreaker(p.Breaker, add)
	text, _ := edge.ReadPlacement(c.PlacementEdge(index)) // it was written by this package
	if text.Upstream == nil {
		text.Upstream = new(edge.Upstream)
	}
	effectiveHealth(p.Health, text.Upstream.Health, add)
	effectiveUpstream(text.Upstream, add)
	t := p.Timeouts
	add("timeouts.connect", duration(t.Connect))
	add("timeouts.response_header", duration(t.ResponseHeader))
	add("timeouts.request", duration(t.Request))
	add("timeouts.body_idle", duration(t.BodyIdle))
	add("timeouts.upstream_idle", duration(t.UpstreamIdle))
	add("timeouts.settle", duration(t.Settle))
	return out
}

// effectiveEndpoints lists endpoints as the file orders them, so that each is found there.
func (f *File) effectiveEndpoints(c *core.Config, p core.PlacementInfo, add func(path, value string)) {
	compiled := map[string]core.EndpointInfo{}
	for i := p.FirstEP; i < p.EndEP; i++ {
		compiled[c.Endpoint(i).URL] = c.Endpoint(i)
	}
	if spec := f.PlacementSpec(p.Name); spec != nil {
		for k, e := range spec.Endpoints {
			at := "endpoints[" + strconv.Itoa(k) + "]"
			add(at+".url", e.URL)
			add(at+".weight", fmt.Sprintf("%d%%", compiled[e.URL].Weight))
			if limit := compiled[e.URL].Limit; limit > 0 {
				add(at+".limit", strconv.Itoa(int(limit)))
			}
		}
	}
}

// PlacementSpec returns the placement of that name as it is in Spec, nil for none.
func (f *File) PlacementSpec(name string) *core.PlacementSpec {
	i, ok := slices.BinarySearchFunc(f.Spec.Placements, name, func(p core.PlacementSpec, name string) int { return cmp.Compare(p.Name, name) })
	if !ok {
		return nil
	}
	return &f.Spec.Placements[i]
}

func fallbackText(c *core.Config, p core.PlacementInfo) string {
	if len(p.Candidates) < 2 {
		return "none"
	}
	var names []string
	for _, i := range p.Candidates[1:] {
		names = append(names, c.Placement(int(i)).Name)
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func effectiveLimit(p core.PlacementInfo, add func(path, value string)) {
	add("limit.in_flight", countOrNone(p.Limit.InFlight))
	add("limit.guests", guestsText(p.Limit.Guests))
	effectiveQueue(p.Limit, add)
	effectiveShares(&p.Limit, add)
	body := "none"
	if p.BodyMax > 0 {
		body = sizeText(p.BodyMax)
	}
	add("body_max", body)
}

// effectiveShares lists how the room is shared out, where it is.
func effectiveShares(l *core.LimitSpec, add func(path, value string)) {
	if a := &l.Adaptive; a.On() {
		add("limit.adaptive.min", strconv.Itoa(int(a.Min)))
		add("limit.adaptive.max", strconv.Itoa(int(a.Max)))
		add("limit.adaptive.start", strconv.Itoa(int(a.Start)))
		add("limit.adaptive.window", duration(a.Window))
		add("limit.adaptive.tolerance", strconv.FormatFloat(float64(a.Tolerance)/100, 'f', -1, 64))
		add("limit.adaptive.remeasure", strconv.Itoa(int(a.Remeasure)))
	}
	if l.TenantShare > 0 {
		add("limit.tenant_share", fmt.Sprintf("%d%%", l.TenantShare))
	}
	if l.Priorities[0] == 0 {
		return
	}
	var shares []string
	for _, share := range l.Priorities {
		shares = append(shares, fmt.Sprintf("%d%%", share))
	}
	for n := len(shares); n > 1 && shares[n-1] == shares[n-2]; n-- {
		shares = shares[:n-1] // the last share holds for all that follow
	}
	add("limit.priorities", "["+strings.Join(shares, ", ")+"]")
}

func effectiveBreaker(b core.BreakerSpec, add func(path, value string)) {
	if b.Off {
		add("breaker", "none")
		return
	}
	failures := strconv.FormatUint(uint64(b.Failures), 10)
	if b.Failures == core.NeverConsecutive {
		failures = "none"
	}
	add("breaker.consecutive_failures", failures)
	effectiveRatios(b, add)
	add("breaker.open", duration(b.Open))
	add("breaker.grow", strconv.FormatFloat(float64(b.Growth)/1e6, 'f', -1, 64))
	add("breaker.open_max", duration(b.OpenMax))
	add("breaker.jitter", fmt.Sprintf("%d%%", b.Jitter/10_000))
	add("breaker.half_open_probes", strconv.Itoa(int(b.Probes)))
	add("breaker.half_open_successes", strconv.Itoa(int(b.Successes)))
	add("breaker.max_open", fmt.Sprintf("%d%%", b.MaxOpenPercent))
}

// effectiveRatios lists ratio and slow trips, where one is set.
func effectiveRatios(b core.BreakerSpec, add func(path, value string)) {
	if b.Window == 0 {
		return
	}
	add("breaker.failure_ratio", shareOrNone(b.FailureRatio))
	add("breaker.slow_ratio", shareOrNone(b.SlowRatio))
	if b.SlowRatio != 0 {
		add("breaker.slow_call", duration(b.SlowCall))
	}
	add("breaker.window", duration(b.Window))
	add("breaker.min_requests", strconv.Itoa(int(b.MinRequests)))
}

func shareOrNone(ppm uint32) string {
	if ppm == 0 {
		return "none"
	}
	return fmt.Sprintf("%d%%", ppm/10_000)
}

// effectiveChoice lists what narrows a selection, where it is set.
func effectiveChoice(p core.PlacementInfo, add func(path, value string)) {
	if p.Select.Hashing() {
		bound := "none"
		if p.Bound != 0 {
			bound = fmt.Sprintf("%d%%", p.Bound)
		}
		add("bound", bound)
	}
	if p.Select == core.EWMA {
		add("decay", duration(p.Decay))
	}
	if p.SlowStart != 0 {
		add("slow_start", duration(p.SlowStart))
	}
	if p.Sticky.Cookie != "" {
		add("sticky.cookie", p.Sticky.Cookie)
		ttl := "session"
		if p.Sticky.TTL != 0 {
			ttl = duration(p.Sticky.TTL)
		}
		add("sticky.ttl", ttl)
	}
	if p.Shards != 0 {
		add("shards", strconv.Itoa(int(p.Shards)))
	}
}

func effectiveHealth(h core.HealthSpec, kind *edge.Health, add func(path, value string)) {
	if h.Off {
		add("health", "none")
		return
	}
	if kind == nil {
		kind = new(edge.Health)
	}
	effectiveHealthKind(kind, h.Path, add)
	add("health.every", duration(h.Every))
	add("health.timeout", duration(h.Timeout))
	add("health.fall", strconv.Itoa(int(h.Fall)))
	add("health.rise", strconv.Itoa(int(h.Rise)))
	start := "healthy"
	if h.StartUnhealthy {
		start = "unhealthy"
	}
	add("health.start", start)
}

func duration(d core.Duration) string { return time.Duration(d).String() }

func countOrNone(n int32) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(int(n))
}

func guestsText(n int32) string {
	if n < 0 {
		return "0"
	}
	return countOrNone(n)
}

// sizeText writes n with the largest unit that divides it.
func sizeText(n int64) string {
	for _, u := range [...]struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

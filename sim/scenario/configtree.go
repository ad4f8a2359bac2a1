package scenario

import (
	"strconv"
	"time"

	"lockstep/core"
)

// ConfigTree writes a Spec as a native configuration, every default filled in
// and chained fallbacks written out, with the given keys only (nil: all). It is
// how a search keeps what it found. A Spec that does not compile gives nil.
func ConfigTree(s *core.Spec, keep map[string]bool) map[string]any {
	c, err := core.Compile(*s)
	if err != nil {
		return nil
	}
	if s.Guards.On() {
		keep = nil // a guard counts every key
	}
	placements := map[string]any{}
	for i := range c.Placements() {
		p := c.Placement(i)
		placements[p.Name] = placementTree(c, &p)
	}
	keys := keysTree(c, 0, keep)
	tree := map[string]any{"lockstep": 1, "version": s.Version, "placements": placements}
	if len(keys) > 0 {
		tree["keys"] = keys
	}
	tables := map[string]any{}
	for i := 1; i < c.Tables(); i++ {
		tables[c.TableName(i)] = keysTree(c, i, keep)
	}
	if len(tables) > 0 {
		tree["tables"] = tables
	}
	var routes []any
	for i := range c.Routes() {
		routes = append(routes, routeTree(c, i))
	}
	tree["routes"] = routes
	if n := c.NoRouteStatus(); n != core.NoRoute.Row().Status {
		tree["routing"] = map[string]any{"no_route": map[string]any{"reject": n}}
	}
	if s.Guards.On() {
		tree["control_plane"] = map[string]any{"refuse_push_over": guardsTree(s.Guards)}
	}
	return tree
}

func guardsTree(g core.GuardSpec) map[string]any {
	share := func(percent uint32) string {
		if percent == 0 {
			return "none"
		}
		return strconv.Itoa(int(percent)) + "%"
	}
	return map[string]any{
		"keys_rerouted": share(g.KeysRerouted), "keys_removed": share(g.KeysRemoved),
		"endpoints_removed": share(g.EndpointsRemoved), "limit_lowered": share(g.LimitLowered),
	}
}

func keysTree(c *core.Config, table int, keep map[string]bool) map[string]any {
	keys := map[string]any{}
	for i := range c.TableKeys(table) {
		key, home := c.TableKey(table, i)
		switch {
		case keep != nil && !keep[key]:
		case home >= 0:
			keys[key] = c.Placement(home).Name
		default:
			parts := map[string]any{}
			for _, p := range c.Split(^home) {
				parts[c.Placement(p.Placement).Name] = core.Percent(p.Share)
			}
			keys[key] = parts
		}
	}
	return keys
}

// routeTree writes a route, but for what it takes: a simulation names routes by
// their number.
func routeTree(c *core.Config, i int) map[string]any {
	r := c.RouteInfo(i)
	unknown := map[string]any{"reject": r.Status}
	if r.Unknown >= 0 {
		unknown = map[string]any{"to": c.Placement(r.Unknown).Name}
	}
	tree := map[string]any{"key": []any{map[string]any{"header": "X-Routing-Key"}}, "unknown_key": unknown}
	if name := c.TableName(r.Table); name != "" {
		tree["table"] = name
	}
	return tree
}

func placementTree(c *core.Config, p *core.PlacementInfo) map[string]any {
	tree := map[string]any{"kind": p.Kind.String(), "select": p.Select.String(), "fallback": "none"}
	choiceTree(tree, p)
	if len(p.Candidates) > 1 {
		var names []any
		for _, f := range p.Candidates[1:] {
			names = append(names, c.Placement(int(f)).Name)
		}
		tree["fallback"] = names
	}
	var endpoints Pairs // in order: under select: first it is the meaning
	for i := p.FirstEP; i < p.EndEP; i++ {
		e := c.Endpoint(i)
		tree := map[string]any{"url": e.URL, "weight": strconv.Itoa(int(e.Weight)) + "%"}
		if e.Limit > 0 {
			tree["limit"] = e.Limit
		}
		endpoints = append(endpoints, Pair{e.Name, tree})
	}
	tree["endpoints"] = endpoints
	if p.LastResort == core.RefuseLastResort {
		tree["last_resort"] = "refuse"
	}
	if p.BodyMax > 0 {
		tree["body_max"] = strconv.FormatInt(p.BodyMax, 10) + "B"
	}
	if p.Panic > 0 {
		tree["panic_percent"], tree["panic"] = strconv.Itoa(int(p.Panic))+"%", p.PanicDo.String()
	}
	tree["limit"] = limitTree(&p.Limit)
	if p.Retries.Max > 0 {
		tree["retries"] = retriesTree(&p.Retries)
	}
	tree["breaker"] = breakerTree(&p.Breaker)
	tree["health"] = healthTree(&p.Health)
	t := &p.Timeouts
	tree["timeouts"] = map[string]any{
		"connect": span(t.Connect), "response_header": span(t.ResponseHeader), "request": span(t.Request),
		"body_idle": span(t.BodyIdle), "upstream_idle": span(t.UpstreamIdle), "settle": span(t.Settle),
	}
	return tree
}

// choiceTree adds what narrows a selection, where it is set.
func choiceTree(tree map[string]any, p *core.PlacementInfo) {
	if p.Bound != 0 {
		tree["bound"] = strconv.Itoa(int(p.Bound)) + "%"
	}
	if p.Decay != 0 {
		tree["decay"] = span(p.Decay)
	}
	if p.SlowStart != 0 {
		tree["slow_start"] = span(p.SlowStart)
	}
	if p.Sticky.Cookie != "" {
		sticky := map[string]any{"cookie": p.Sticky.Cookie}
		if p.Sticky.TTL != 0 {
			sticky["ttl"] = span(p.Sticky.TTL)
		}
		tree["sticky"] = sticky
	}
	if p.Shards != 0 {
		tree["shards"] = p.Shards
	}
}

func span(d core.Duration) string { return time.Duration(d).String() }

func limitTree(l *core.LimitSpec) any {
	if l.InFlight == 0 && l.Guests == 0 && !l.Adaptive.On() {
		return "none"
	}
	tree := map[string]any{"when_full": "reject"}
	switch l.WhenFull {
	case core.FailOverWhenFull:
		tree["when_full"] = "fail_over"
	case core.QueueWhenFull:
		queue := map[string]any{"queue": l.Queue, "wait": span(l.Wait)}
		if l.Order == core.NewestFirst {
			queue["order"] = "newest_first"
		}
		tree["when_full"] = queue
	}
	if l.InFlight > 0 {
		tree["in_flight"] = l.InFlight
	}
	if l.Guests != 0 {
		tree["guests"] = max(l.Guests, 0)
	}
	if a := &l.Adaptive; a.On() {
		tree["adaptive"] = map[string]any{
			"min": a.Min, "max": a.Max, "start": a.Start, "window": span(a.Window), "tolerance": millionths(int64(a.Tolerance) * 10_000), "remeasure": a.Remeasure,
		}
	}
	if l.TenantShare > 0 {
		tree["tenant_share"] = strconv.Itoa(int(l.TenantShare)) + "%"
	}
	if l.Priorities[0] > 0 {
		var shares []any
		for _, share := range l.Priorities {
			shares = append(shares, strconv.Itoa(int(share))+"%")
		}
		tree["priorities"] = shares
	}
	return tree
}

func retriesTree(s *core.RetrySpec) any {
	var on []any
	for bit, way := range []string{"connect", "reset", "timeout", "bad_response", "gateway", "5xx"} {
		if s.On&(1<<bit) != 0 {
			on = append(on, way)
		}
	}
	tree := map[string]any{
		"max": s.Max, "on": on, "methods": []string{"safe", "idempotent", "any"}[s.Methods],
		"backoff":         map[string]any{"base": span(s.BackOff), "max": span(s.BackOffMax)},
		"retry_after_max": span(s.RetryAfter), "body_max": strconv.FormatInt(s.BodyMax, 10) + "B",
		"budget": map[string]any{"percent": strconv.Itoa(int(s.Percent)) + "%", "floor": s.Floor},
	}
	if s.NoBudget {
		tree["budget"] = "none"
	}
	return tree
}

func breakerTree(b *core.BreakerSpec) any {
	if b.Off {
		return "none"
	}
	tree := map[string]any{
		"consecutive_failures": b.Failures, "open": span(b.Open), "grow": millionths(int64(b.Growth)), "open_max": span(b.OpenMax),
		"jitter": percent(int64(b.Jitter)), "half_open_probes": b.Probes, "half_open_successes": b.Successes,
		"max_open": strconv.Itoa(int(b.MaxOpenPercent)) + "%",
	}
	if b.Failures == core.NeverConsecutive {
		tree["consecutive_failures"] = "none"
	}
	if b.Window != 0 {
		tree["window"], tree["min_requests"] = span(b.Window), b.MinRequests
	}
	if b.FailureRatio != 0 {
		tree["failure_ratio"] = percent(int64(b.FailureRatio))
	}
	if b.SlowRatio != 0 {
		tree["slow_ratio"], tree["slow_call"] = percent(int64(b.SlowRatio)), span(b.SlowCall)
	}
	return tree
}

func healthTree(h *core.HealthSpec) any {
	if h.Off {
		return "none"
	}
	tree := map[string]any{"get": h.Path, "every": span(h.Every), "timeout": span(h.Timeout), "fall": h.Fall, "rise": h.Rise}
	if h.StartUnhealthy {
		tree["start"] = "unhealthy"
	}
	return tree
}

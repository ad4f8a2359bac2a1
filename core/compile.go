package core

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// SpecError is one thing wrong with a Spec.
type SpecError struct {
	Path string // where, in the names of the native form: placements.cell-07.fallback[1]
	What string // what is wrong
	Hint string // how to mend it
}

func (e *SpecError) Error() string {
	s := e.Path + ": " + e.What
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// SpecErrors is everything wrong with a Spec, in the order found.
type SpecErrors []*SpecError

func (es SpecErrors) Error() string {
	var b strings.Builder
	for i, e := range es {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Error())
	}
	return b.String()
}

// compiler carries what Compile has found so far.
type compiler struct {
	spec   *Spec
	config *Config
	errs   SpecErrors

	maglevs, points int // tables made so far, to bound their memory
}

// Compile validates s and turns it into a Config. The error, if any, is a
// SpecErrors that names every fault found, not only the first.
func Compile(s Spec) (*Config, error) {
	c := &compiler{spec: &s, config: &Config{version: s.Version, noRouteStatus: s.NoRouteStatus, edge: s.Edge}}
	if s.Version == "" {
		c.fail("version", "is empty", "give this configuration a label, such as \"v1\"")
	}
	c.guards()
	c.placements()
	if len(c.errs) == 0 {
		c.identities()
		c.fallbacks()
		c.routing()
	}
	if len(c.errs) > 0 {
		return nil, c.errs
	}
	c.config.digest = c.config.hash()
	return c.config, nil
}

// maxErrors bounds what is worth reading, and the time to find it in a million bad keys.
const maxErrors = 100

func (c *compiler) fail(path, what, hint string) {
	if len(c.errs) >= maxErrors {
		return
	}
	c.errs = append(c.errs, &SpecError{path, what, hint})
}

func (c *compiler) placements() {
	n := len(c.spec.Placements)
	if n == 0 || n > MaxPlacements {
		c.fail("placements", "there are "+strconv.Itoa(n), "give 1 to "+strconv.Itoa(MaxPlacements))
		return
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(c.spec.Placements[a].Name, c.spec.Placements[b].Name)
	})
	for k, i := range order {
		p := &c.spec.Placements[i]
		path := "placements." + p.Name
		if !validName(p.Name) {
			c.fail(path, "the name is empty, too long or not printable ASCII", "use 1 to 200 characters from ! to ~")
		}
		if k > 0 && p.Name == c.spec.Placements[order[k-1]].Name {
			c.fail(path, "is defined twice", "keep one of the two")
		}
		c.placement(p, path)
	}
}

// validName accepts names that can stand in a response header and a log line as they are.
func validName(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= 200
}

func (c *compiler) placement(p *PlacementSpec, path string) {
	if p.Kind > ReasonTier {
		c.fail(path+".kind", "is not a kind of placement", "use dedicated or tier")
	}
	if p.Select >= policies {
		c.fail(path+".select", "is not a selection policy", "use round_robin, least_request, rendezvous, first, ketama, maglev or ewma")
	}
	if p.Limit.WhenFull > QueueWhenFull || p.LastResort > RefuseLastResort {
		c.fail(path, "when_full or last_resort is out of range", "use the named constants")
	}
	if p.Limit.InFlight < 0 {
		c.fail(path+".limit.in_flight", "is negative", "use 1 or more, or leave it out for no limit")
	}
	if p.Limit.Guests < -1 {
		c.fail(path+".limit.guests", "is negative", "use 0 for none, or leave it out for no cap")
	}
	if p.Limit.InFlight > 0 && p.Limit.Guests > p.Limit.InFlight {
		c.fail(path+".limit.guests", "is above in_flight", "guests are part of in_flight: use at most "+strconv.Itoa(int(p.Limit.InFlight)))
	}
	c.panicOf(p, path)
	limit := c.ration(p.Limit, path+".limit")
	if p.BodyMax < 0 {
		c.fail(path+".body_max", "is negative", "use 1 byte or more, or leave it out for no limit")
	}
	out := placementConfig{
		name: p.Name, id: HashString(p.Name), kind: kindOf(p), lastResort: p.LastResort,
		selection: p.Select, limit: limit, bodyMax: p.BodyMax,
		breaker: c.breaker(p.Breaker, path+".breaker"), health: c.health(p.Health, path+".health"),
		timeouts: c.timeouts(p.Timeouts, path+".timeouts"),
		retries:  c.retries(p.Retries, path+".retries"),
		first:    int32(len(c.config.endpoints)),
		shares:   limit.TenantShare != 0 || limit.Priorities[0] != 0 || limit.Adaptive.On(),
		edge:     p.Edge, panicPercent: p.Panic, panicDo: p.PanicDo,
	}
	c.queue(&p.Limit, out.timeouts.Request, path+".limit")
	c.choice(p, path, &out)
	c.endpoints(p, path, &out)
	out.plain = !out.capped && !out.narrows
	c.tables(path, &out)
	c.config.placements = append(c.config.placements, out)
}

// panicOf checks R9.
func (c *compiler) panicOf(p *PlacementSpec, path string) {
	if p.Panic > 100 {
		c.fail(path+".panic_percent", "is above 100 %", "use 1 % to 100 %, or leave it out for no panic")
	}
	if p.PanicDo >= panicModes {
		c.fail(path+".panic", "is not what a placement in panic can do", "use all, fail or fail_over")
	}
	if p.Panic == 0 && p.PanicDo != PanicAll {
		c.fail(path+".panic", "says what to do in panic, and there is none without panic_percent", "add panic_percent, or remove panic")
	}
}

func kindOf(p *PlacementSpec) Reason {
	if p.Kind != ReasonNone {
		return p.Kind
	}
	switch p.Name {
	case "tier1", "tier2", "tier3":
		return ReasonTier
	}
	return ReasonDedicated
}

func (c *compiler) endpoints(p *PlacementSpec, path string, out *placementConfig) {
	if n := len(p.Endpoints); n == 0 || n > MaxEndpoints {
		c.fail(path+".endpoints", "there are "+strconv.Itoa(n), "give 1 to "+strconv.Itoa(MaxEndpoints))
	}
	for i, e := range p.Endpoints {
		at := path + ".endpoints[" + strconv.Itoa(i) + "]"
		if e.Limit > MaxInFlight {
			c.fail(at+".limit", "is above "+strconv.Itoa(MaxInFlight), "use 1 or more, or leave it out for no cap")
		}
		if what := urlFault(e.URL); what != "" {
			c.fail(at+".url", what, "write it as http://host:port or https://host:port")
		}
		if e.Weight > 10000 {
			c.fail(at+".weight", "is above 10000 %", "weights are relative: use smaller ones")
		}
		if e.Weight == 0 {
			e.Weight = 100
		}
		if e.Name == "" {
			e.Name = e.URL
		}
		out.capped = out.capped || e.Limit != 0
		out.weighted = out.weighted || e.Weight != weightOr100(p.Endpoints[0].Weight)
		c.config.endpoints = append(c.config.endpoints, endpointConfig{
			name: e.Name, url: e.URL, id: identity(p.Name, e.URL),
			placement: int32(len(c.config.placements)), weight: e.Weight, limit: capOf(e.Limit),
		})
	}
	out.end = int32(len(c.config.endpoints))
	own := c.config.endpoints[out.first:out.end]
	byURL := func(a, b endpointConfig) int { return cmp.Compare(a.url, b.url) }
	sorted := slices.SortedStableFunc(slices.Values(own), byURL)
	for i := 1; i < len(sorted); i++ {
		if sorted[i].url == sorted[i-1].url {
			c.fail(path+".endpoints", "two endpoints have the URL "+sorted[i].url, "keep one; give it the weight of both")
		}
	}
	if out.selection != First {
		copy(own, sorted)
	}
}

// identities refuses two endpoints, or two placements, whose hashes collide:
// the router would take them for one. Nobody has seen it happen by chance.
func (c *compiler) identities() {
	var ids []uint64
	for i := range c.config.placements {
		ids = append(ids, c.config.placements[i].id)
	}
	for i := range c.config.endpoints {
		ids = append(ids, c.config.endpoints[i].id)
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) < len(c.config.placements)+len(c.config.endpoints) || ids[0] == 0 {
		c.fail("placements", "two names or URLs have the same hash", "change one name or URL by a character")
	}
}

// capOf turns the cap of a Spec into one to compare with.
func capOf(limit uint32) int32 {
	if limit == 0 {
		return noCap
	}
	return int32(min(limit, MaxInFlight))
}

func weightOr100(w uint32) uint32 {
	if w == 0 {
		return 100
	}
	return w
}

// urlFault says what keeps s from being an absolute http(s) URL with a host.
// The edge parses URLs in full; this is the part that core relies on.
func urlFault(s string) string {
	rest, ok := strings.CutPrefix(s, "http://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "https://"); !ok {
			return "is not an absolute http or https URL: " + strconv.Quote(s)
		}
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return "has a space or control character: " + strconv.Quote(s)
		}
	}
	if host, _, _ := strings.Cut(rest, "/"); host == "" || host[0] == ':' {
		return "has no host: " + strconv.Quote(s)
	}
	return ""
}

func (c *compiler) breaker(b BreakerSpec, path string) BreakerSpec {
	c.preset(&b, path)
	c.ratios(&b, path)
	orDefault(&b.Failures, 5)
	orDefault(&b.Open, 30*Second)
	orDefault(&b.Growth, 1e6)
	orDefault(&b.OpenMax, max(b.Open, 10*min(b.Open, MaxDuration/10)))
	orDefault(&b.Probes, 1)
	orDefault(&b.Successes, 1)
	orDefault(&b.MaxOpenPercent, 100)
	c.duration(b.Open, path+".open")
	if b.Open <= MaxDuration {
		c.duration(b.OpenMax, path+".open_max")
	}
	if b.OpenMax < b.Open {
		c.fail(path+".open_max", "is below open", "use at least the value of open")
	}
	if b.Growth < 1e6 || b.Growth > 10e6 {
		c.fail(path+".grow", "is outside 1 to 10", "use 1 for a constant open time, 2 to double it")
	}
	if b.Jitter > 1e6 {
		c.fail(path+".jitter", "is above 100 %", "use 0 % to 100 %")
	}
	if b.Probes > MaxProbes {
		c.fail(path+".half_open_probes", "is above "+strconv.Itoa(MaxProbes), "use 1 to "+strconv.Itoa(MaxProbes))
	}
	if b.MaxOpenPercent > 100 {
		c.fail(path+".max_open", "is above 100 %", "use 1 % to 100 %")
	}
	return b
}

func (c *compiler) health(h HealthSpec, path string) HealthSpec {
	if h.Path == "" {
		h.Path = "/health"
	}
	orDefault(&h.Every, 10*Second)
	orDefault(&h.Timeout, 2*Second)
	orDefault(&h.Fall, 3)
	orDefault(&h.Rise, 2)
	c.duration(h.Every, path+".every")
	c.duration(h.Timeout, path+".timeout")
	if h.Path[0] != '/' {
		c.fail(path+".get", "does not begin with /", "write it as /health")
	}
	return h
}

func (c *compiler) timeouts(t TimeoutSpec, path string) TimeoutSpec {
	c.timeout(&t.Connect, 5*Second, path+".connect")
	c.timeout(&t.ResponseHeader, 10*Second, path+".response_header")
	c.timeout(&t.Request, 30*Second, path+".request")
	c.timeout(&t.BodyIdle, 60*Second, path+".body_idle")
	c.timeout(&t.UpstreamIdle, 90*Second, path+".upstream_idle")
	c.timeout(&t.Settle, Second, path+".settle")
	return t
}

func (c *compiler) timeout(d *Duration, value Duration, path string) {
	orDefault(d, value)
	c.duration(*d, path)
}

func (c *compiler) duration(d Duration, path string) {
	if d < Millisecond || d > MaxDuration {
		c.fail(path, "is outside 1ms to 30 days", "write a length of time with its unit, such as 5s")
	}
}

func orDefault[T cmp.Ordered](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func (c *compiler) unknown(name string) string {
	return "there is no placement named " + strconv.Quote(name)
}

// suggest names the placement that is nearest to what was written.
func (c *compiler) suggest(name string) string {
	names := make([]string, len(c.config.placements))
	for i := range names {
		names[i] = c.config.placements[i].name
	}
	if best := Nearest(name, names); best != "" {
		return "did you mean " + strconv.Quote(best) + "?"
	}
	return "define it under placements, or name one that is there"
}

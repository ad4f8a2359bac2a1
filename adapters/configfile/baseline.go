package configfile

import (
	"strconv"
	"strings"
	"time"

	"lockstep/core"
)

// The baseline's two JSON forms (BASELINE.md). Field names are the contract.

type baselineFile struct {
	Version          string `yaml:"version"`
	RoutingTable     *node  `yaml:"routingTable"`
	CellEndpoints    *node  `yaml:"cellEndpoints"`
	Placements       *node  `yaml:"placements"`
	DefaultPlacement string `yaml:"defaultPlacement"`
}

type baselinePlacement struct {
	URL         string `yaml:"url"`
	Fallback    string `yaml:"fallback"`
	HealthCheck struct {
		Path     string           `yaml:"path"`
		Interval baselineDuration `yaml:"interval"`
		Timeout  baselineDuration `yaml:"timeout"`
	} `yaml:"health_check"`
	CircuitBreaker struct {
		FailureThreshold baselineCount    `yaml:"failure_threshold"`
		Timeout          baselineDuration `yaml:"timeout"`
	} `yaml:"circuit_breaker"`
	ConcurrencyLimit    baselineCount `yaml:"concurrency_limit"`
	MaxRequestBodyBytes baselineCount `yaml:"max_request_body_bytes"`
}

// baselineDuration is a Go duration as text. Empty or not positive means the default.
type baselineDuration core.Duration

func (v *baselineDuration) decodeNode(d *decoder, n *node) {
	if !d.want(n, scalar) || n.quoted && n.text == "" {
		return
	}
	t, err := time.ParseDuration(n.text)
	switch {
	case !n.quoted || err != nil:
		d.fail(n.at, n.text+" is not a length of time", `write it as text with its unit, such as "5s"`)
	case t <= 0:
		d.report(&d.warnings, n.at.problem(n.text+" is not a positive length of time: the default is used", "remove it"))
	default:
		*v = baselineDuration(t)
	}
}

// baselineCount is a number. Not positive means the default.
type baselineCount int64

func (v *baselineCount) decodeNode(d *decoder, n *node) {
	i := decodeAs[int64](d, n)
	if i < 0 {
		d.report(&d.warnings, n.at.problem(n.text+" is negative: the default is used", "remove it"))
		return
	}
	*v = baselineCount(i)
}

func (l *loader) baseline(root *node) {
	in := decodeAs[baselineFile](&l.decoder, root)
	s := &l.file.Spec
	s.Version, s.Default, s.ChainFallbacks = in.Version, in.DefaultPlacement, true
	l.file.root = root.without("routingTable")
	if in.DefaultPlacement == "" {
		l.fail(root.at, "there is no defaultPlacement", "name the placement that serves unknown keys")
	}
	at := map[string]int{}
	l.eachBaseline(in.Placements, func(e entry) {
		at[e.key] = len(s.Placements)
		s.Placements = append(s.Placements, l.baselinePlacement(e))
	})
	l.eachBaseline(in.CellEndpoints, func(e entry) { l.cellEndpoint(e, at) })
	for i := range s.Placements {
		p := &s.Placements[i]
		if p.Endpoints == nil {
			l.fail(in.Placements.get(p.Name).at, "placement "+strconv.Quote(p.Name)+" has no url", `write "url": "http://host:port"`)
		}
	}
	l.cycles()
	l.dropSelfFallbacks()
	l.inlineKeys(in.RoutingTable, &l.keys)
	l.keys.settle(&l.decoder)
}

// eachBaseline visits a table of names; of a name defined twice the last one counts.
func (l *loader) eachBaseline(n *node, visit func(entry)) {
	if n == nil || n.kind == null || !l.want(n, mapping) {
		return
	}
	l.duplicates(n)
	last := make(map[string]int, len(n.entries))
	for i, e := range n.entries {
		last[e.key] = i
	}
	for i, e := range n.entries {
		if last[e.key] == i {
			visit(e)
		}
	}
}

func (l *loader) baselinePlacement(e entry) core.PlacementSpec {
	in := decodeAs[baselinePlacement](&l.decoder, e.value)
	out := core.PlacementSpec{
		Name: e.key, BodyMax: int64(in.MaxRequestBodyBytes),
		Limit: core.LimitSpec{InFlight: int32(min(in.ConcurrencyLimit, 1<<31-1))},
		Health: core.HealthSpec{
			Path: in.HealthCheck.Path, Every: core.Duration(in.HealthCheck.Interval), Timeout: core.Duration(in.HealthCheck.Timeout),
		},
		Breaker: core.BreakerSpec{
			Failures: uint32(min(in.CircuitBreaker.FailureThreshold, 1<<32-1)), Open: core.Duration(in.CircuitBreaker.Timeout),
		},
	}
	if in.URL != "" {
		l.checkURL(in.URL, e.value.value("url"), e.at)
		out.Endpoints = []core.EndpointSpec{{URL: in.URL}}
	}
	if in.Fallback != "" {
		out.Fallback = []string{in.Fallback}
	}
	return out
}

// cellEndpoint adds an address of the first form. A file may hold both forms:
// the baseline routes by this one, so it wins.
func (l *loader) cellEndpoint(e entry, at map[string]int) {
	url := decodeAs[string](&l.decoder, e.value)
	l.checkURL(url, e.value, e.at)
	i, ok := at[e.key]
	if !ok {
		l.file.Spec.Placements = append(l.file.Spec.Placements, core.PlacementSpec{Name: e.key, Endpoints: []core.EndpointSpec{{URL: url}}})
		return
	}
	p := &l.file.Spec.Placements[i]
	if p.Endpoints != nil && p.Endpoints[0].URL != url {
		l.report(&l.warnings, e.value.at.problem("placements gives "+strconv.Quote(e.key)+" another url: this one is used, as the baseline does", "write one url only"))
	}
	p.Endpoints = []core.EndpointSpec{{URL: url}}
}

// dropSelfFallbacks removes what cycles has warned of and core refuses.
func (l *loader) dropSelfFallbacks() {
	for i := range l.file.Spec.Placements {
		if p := &l.file.Spec.Placements[i]; len(p.Fallback) == 1 && p.Fallback[0] == p.Name {
			p.Fallback = nil
		}
	}
}

// baselinePath turns a path in the names of the native form into one of this file's.
func baselinePath(path string, root *node) string {
	if path == "default" || path == "unknown_key.to" {
		return "defaultPlacement"
	}
	if key, ok := strings.CutPrefix(path, "keys."); ok {
		return "routingTable." + key
	}
	for _, r := range [...][2]string{
		{".endpoints[0].url", ".url"},
		{".fallback[0]", ".fallback"},
		{".health.get", ".health_check.path"},
		{".health.every", ".health_check.interval"},
		{".health.timeout", ".health_check.timeout"},
		{".breaker.consecutive_failures", ".circuit_breaker.failure_threshold"},
		{".breaker.open", ".circuit_breaker.timeout"},
		{".limit.in_flight", ".concurrency_limit"},
		{".body_max", ".max_request_body_bytes"},
		{".health", ".health_check"},
		{".breaker", ".circuit_breaker"},
	} {
		if head, ok := strings.CutSuffix(path, r[0]); ok {
			path = head + r[1]
			break
		}
	}
	if name, ok := strings.CutPrefix(path, "placements."); ok && root.value("cellEndpoints").get(strings.TrimSuffix(name, ".url")) != nil {
		return "cellEndpoints." + strings.TrimSuffix(name, ".url")
	}
	return path
}

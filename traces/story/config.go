package story

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/core"
)

// configBuilder turns the lines of a config block into a Spec.
type configBuilder struct {
	spec     core.Spec
	defaults []string
}

func newConfigBuilder(name string) *configBuilder {
	if name == "" {
		name = "start"
	}
	return &configBuilder{spec: core.Spec{Version: name}}
}

func (b *configBuilder) line(w []string) error {
	switch {
	case w[0] == "key" && len(w) == 4 && w[2] == "->":
		b.spec.Keys = append(b.spec.Keys, core.KeySpec{Key: w[1], Placement: w[3]})
	case w[0] == "key" && len(w) > 4 && w[2] == "->":
		return b.split(w[1], w[3:])
	case w[0] == "table" && len(w) == 2:
		b.spec.Tables = append(b.spec.Tables, core.TableSpec{Name: w[1]})
	case w[0] == "in" && len(w) == 5 && w[3] == "->":
		return b.keyIn(w[1], core.KeySpec{Key: w[2], Placement: w[4]})
	case w[0] == "route":
		return b.route(w[1:])
	case w[0] == "no_route" && len(w) == 3 && w[1] == "reject":
		return count(&b.spec.NoRouteStatus, w[2])
	case w[0] == "default" && len(w) == 2:
		b.spec.Default = w[1]
	case w[0] == "unknown_key" && len(w) == 3 && w[1] == "reject":
		n, err := strconv.ParseUint(w[2], 10, 16)
		b.spec.UnknownStatus = uint16(n)
		return err
	case w[0] == "guard":
		return setGuards(&b.spec.Guards, w[1:])
	case w[0] == "chain" && len(w) == 1:
		b.spec.ChainFallbacks = true
	case w[0] == "defaults":
		b.defaults = w[1:]
	case w[0] == "placement" && len(w) >= 2:
		return b.placement(w[1], w[2:])
	default:
		return fmt.Errorf("%q is not a line of a config block; README.md lists them", strings.Join(w, " "))
	}
	return nil
}

// split reads the home of a key that is divided: P 95% Q 5%.
func (b *configBuilder) split(key string, words []string) error {
	s := core.SplitSpec{Name: strings.Join(words, " ")}
	if len(words)%2 != 0 {
		return fmt.Errorf("a split is placements, each with its share")
	}
	for i := 0; i < len(words); i += 2 {
		p := core.PartSpec{Placement: words[i]}
		if err := ppm(&p.Share, strings.TrimSuffix(words[i+1], "%"), 1e4); err != nil {
			return err
		}
		s.Parts = append(s.Parts, p)
	}
	if !slices.ContainsFunc(b.spec.Splits, func(t core.SplitSpec) bool { return t.Name == s.Name }) {
		b.spec.Splits = append(b.spec.Splits, s)
	}
	b.spec.Keys = append(b.spec.Keys, core.KeySpec{Key: key, Placement: s.Name})
	return nil
}

func (b *configBuilder) keyIn(table string, key core.KeySpec) error {
	for i := range b.spec.Tables {
		if t := &b.spec.Tables[i]; t.Name == table {
			t.Keys = append(t.Keys, key)
			return nil
		}
	}
	return fmt.Errorf("there is no table %q; write its line first", table)
}

// route reads a route after the first: [table=T] [default=P] [reject=S].
func (b *configBuilder) route(options []string) error {
	var r core.RouteSpec
	for _, option := range options {
		k, v, _ := strings.Cut(option, "=")
		switch k {
		case "table":
			r.Table = v
		case "default":
			r.Default = v
		case "reject":
			if err := count(&r.UnknownStatus, v); err != nil {
				return err
			}
		default:
			return fmt.Errorf("a route has no option %q", option)
		}
	}
	b.spec.Routes = append(b.spec.Routes, r)
	return nil
}

// setGuards reads what a push may change: keys_rerouted=5% and so on.
func setGuards(g *core.GuardSpec, options []string) error {
	for _, option := range options {
		k, v, _ := strings.Cut(option, "=")
		to, ok := map[string]*uint32{
			"keys_rerouted": &g.KeysRerouted, "keys_removed": &g.KeysRemoved,
			"endpoints_removed": &g.EndpointsRemoved, "limit_lowered": &g.LimitLowered,
		}[k]
		if !ok {
			return fmt.Errorf("there is no guard %q", k)
		}
		if err := count(to, strings.TrimSuffix(v, "%")); err != nil {
			return err
		}
	}
	return nil
}

func (b *configBuilder) placement(name string, options []string) error {
	p := core.PlacementSpec{Name: name}
	p.Health.Off = true
	for _, option := range append(b.defaults[:len(b.defaults):len(b.defaults)], options...) {
		k, v, ok := strings.Cut(option, "=")
		if !ok {
			return fmt.Errorf("option %q has no value; write it as name=value", option)
		}
		if err := setOption(&p, k, v); err != nil {
			return fmt.Errorf("option %s: %w", option, err)
		}
	}
	b.spec.Placements = append(b.spec.Placements, p)
	return nil
}

func setOption(p *core.PlacementSpec, key, value string) error {
	part, field, _ := strings.Cut(key, ".")
	switch part {
	case "breaker":
		return setBreaker(&p.Breaker, field, value)
	case "health":
		return setHealth(&p.Health, field, value)
	case "endpoints":
		return setEndpoints(p, value)
	case "fallback":
		p.Fallback = strings.Split(value, ",")
		return nil
	case "kind":
		return oneOf(&p.Kind, value, core.ReasonDedicated, core.ReasonTier)
	case "select":
		return oneOf(&p.Select, value, core.RoundRobin, core.LeastRequest, core.Rendezvous, core.First, core.Ketama, core.Maglev, core.EWMA)
	case "bound":
		return count(&p.Bound, strings.TrimSuffix(value, "%"))
	case "decay":
		return duration(&p.Decay, value)
	case "slow_start":
		return duration(&p.SlowStart, value)
	case "sticky":
		p.Sticky.Cookie = value
		return nil
	case "shards":
		return count(&p.Shards, value)
	case "last_resort":
		return word(&p.LastResort, value, map[string]core.LastResort{"use": core.UseLastResort, "refuse": core.RefuseLastResort})
	case "adaptive":
		return setAdaptive(&p.Limit.Adaptive, field, value)
	case "tenant_share":
		return count(&p.Limit.TenantShare, strings.TrimSuffix(value, "%"))
	case "priorities":
		return shares(&p.Limit.Priorities, value)
	case "panic_percent":
		return count(&p.Panic, strings.TrimSuffix(value, "%"))
	case "panic":
		return oneOf(&p.PanicDo, value, core.PanicAll, core.PanicFail, core.PanicFailOver)
	case "when_full":
		return word(&p.Limit.WhenFull, value, map[string]core.WhenFull{"reject": core.RejectWhenFull, "fail_over": core.FailOverWhenFull, "queue": core.QueueWhenFull})
	case "queue":
		p.Limit.WhenFull = core.QueueWhenFull
		return count(&p.Limit.Queue, value)
	case "wait":
		return duration(&p.Limit.Wait, value)
	case "order":
		return word(&p.Limit.Order, value, map[string]core.QueueOrder{"fifo": core.FIFO, "newest_first": core.NewestFirst})
	case "retries":
		return setRetries(&p.Retries, field, value)
	case "limit":
		return count(&p.Limit.InFlight, value)
	case "guests":
		if value == "none" {
			value = "-1"
		}
		return count(&p.Limit.Guests, value)
	case "body_max":
		return count(&p.BodyMax, value)
	case "connect":
		return duration(&p.Timeouts.Connect, value)
	case "request":
		return duration(&p.Timeouts.Request, value)
	case "response_header":
		return duration(&p.Timeouts.ResponseHeader, value)
	}
	return fmt.Errorf("there is no such option")
}

func setBreaker(b *core.BreakerSpec, field, value string) error {
	switch field {
	case "":
		return word(&b.Off, value, map[string]bool{"on": false, "off": true})
	case "failures":
		if value == "none" {
			b.Failures = core.NeverConsecutive
			return nil
		}
		return count(&b.Failures, value)
	case "open":
		return duration(&b.Open, value)
	case "grow":
		return ppm(&b.Growth, value, 1e6)
	case "open_max":
		return duration(&b.OpenMax, value)
	case "jitter":
		return ppm(&b.Jitter, strings.TrimSuffix(value, "%"), 1e4)
	case "probes":
		return count(&b.Probes, value)
	case "successes":
		return count(&b.Successes, value)
	case "preset":
		b.Preset = value
		return nil
	case "failure_ratio":
		return ppm(&b.FailureRatio, strings.TrimSuffix(value, "%"), 1e4)
	case "slow_ratio":
		return ppm(&b.SlowRatio, strings.TrimSuffix(value, "%"), 1e4)
	case "slow_call":
		return duration(&b.SlowCall, value)
	case "window":
		return duration(&b.Window, value)
	case "min_requests":
		return count(&b.MinRequests, value)
	case "max_open":
		return count(&b.MaxOpenPercent, strings.TrimSuffix(value, "%"))
	}
	return fmt.Errorf("there is no such option")
}

func setRetries(s *core.RetrySpec, field, value string) error {
	switch field {
	case "":
		return count(&s.Max, value)
	case "on":
		for _, name := range strings.Split(value, ",") {
			var bit core.RetryOn
			if err := word(&bit, name, map[string]core.RetryOn{
				"connect": core.OnConnect, "reset": core.OnReset, "timeout": core.OnTimeout,
				"bad_response": core.OnBadResponse, "gateway": core.OnGateway, "5xx": core.On5xx,
			}); err != nil {
				return err
			}
			s.On |= bit
		}
		return nil
	case "methods":
		return word(&s.Methods, value, map[string]core.RetryMethods{"safe": core.RetrySafe, "idempotent": core.RetryIdempotent, "any": core.RetryAny})
	case "backoff":
		return duration(&s.BackOff, value)
	case "backoff_max":
		return duration(&s.BackOffMax, value)
	case "retry_after_max":
		return duration(&s.RetryAfter, value)
	case "percent":
		return count(&s.Percent, strings.TrimSuffix(value, "%"))
	case "floor":
		return count(&s.Floor, value)
	case "budget":
		return word(&s.NoBudget, value, map[string]bool{"none": true})
	}
	return fmt.Errorf("there is no such option")
}

func setHealth(h *core.HealthSpec, field, value string) error {
	h.Off = false
	switch field {
	case "":
		return word(&h.Off, value, map[string]bool{"on": false, "off": true})
	case "every":
		return duration(&h.Every, value)
	case "timeout":
		return duration(&h.Timeout, value)
	case "fall":
		return count(&h.Fall, value)
	case "rise":
		return count(&h.Rise, value)
	case "start":
		return word(&h.StartUnhealthy, value, map[string]bool{"healthy": false, "unhealthy": true})
	}
	return fmt.Errorf("there is no such option")
}

// setEndpoints reads a,b@50%,c:http://host,d^3: names, weights, URLs, caps.
func setEndpoints(p *core.PlacementSpec, value string) error {
	for _, item := range strings.Split(value, ",") {
		item, limit, capped := strings.Cut(item, "^")
		name, url, given := strings.Cut(item, ":")
		if !given {
			name, _, _ = strings.Cut(item, "@")
			url = "http://" + p.Name + "-" + name + strings.TrimPrefix(item, name)
		}
		e := core.EndpointSpec{Name: name}
		var weight string
		if e.URL, weight, given = strings.Cut(url, "@"); given {
			if err := count(&e.Weight, strings.TrimSuffix(weight, "%")); err != nil {
				return err
			}
		}
		if capped {
			if err := count(&e.Limit, limit); err != nil {
				return err
			}
		}
		p.Endpoints = append(p.Endpoints, e)
	}
	return nil
}

func setAdaptive(a *core.AdaptiveSpec, field, value string) error {
	switch field {
	case "min":
		return count(&a.Min, value)
	case "max":
		return count(&a.Max, value)
	case "start":
		return count(&a.Start, value)
	case "window":
		return duration(&a.Window, value)
	case "tolerance":
		return ppm(&a.Tolerance, value, 100)
	case "remeasure":
		return count(&a.Remeasure, value)
	}
	return fmt.Errorf("there is no such option")
}

// shares reads 100,75,50: the shares of priorities, in percent.
func shares(to *[core.MaxPriorities]uint8, value string) error {
	for i, item := range strings.Split(value, ",") {
		n, err := strconv.ParseUint(strings.TrimSuffix(item, "%"), 10, 8)
		if err != nil || i >= len(to) {
			return fmt.Errorf("use at most %d shares such as 100,75,50", len(to))
		}
		to[i] = uint8(n)
	}
	return nil
}

// oneOf sets *v to the value whose name is text.
func oneOf[T fmt.Stringer](v *T, text string, values ...T) error {
	for _, value := range values {
		if value.String() == text {
			*v = value
			return nil
		}
	}
	return fmt.Errorf("use one of %v", values)
}

func word[T any](v *T, text string, values map[string]T) error {
	value, ok := values[text]
	if !ok {
		return fmt.Errorf("%q is not a value of this option", text)
	}
	*v = value
	return nil
}

func count[T ~int32 | ~int64 | ~uint16 | ~uint32](v *T, text string) error {
	n, err := strconv.ParseInt(text, 10, 32)
	*v = T(n)
	return err
}

// ppm reads a decimal number and stores it times unit, in parts per million.
func ppm(v *uint32, text string, unit float64) error {
	f, err := strconv.ParseFloat(text, 64)
	*v = uint32(f*unit + 0.5)
	return err
}

func duration(v *core.Duration, text string) (err error) {
	*v, err = parseTime(text)
	return err
}

func parseTime(text string) (core.Duration, error) {
	d, err := time.ParseDuration(text)
	return core.Duration(d), err
}

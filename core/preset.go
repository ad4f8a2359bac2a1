package core

import "strconv"

// Presets (R6): what other breakers do by default, as far as it maps. Own
// settings win. SPEC.md says what does not map.

// preset fills what b leaves at zero from the preset that it names.
func (c *compiler) preset(b *BreakerSpec, path string) {
	p, ok := presetOf(b.Preset)
	if !ok {
		names := []string{"baseline", "gobreaker", "envoy", "haproxy"}
		hint := "use baseline, gobreaker, envoy or haproxy"
		if best := Nearest(b.Preset, names); best != "" {
			hint = "did you mean " + strconv.Quote(best) + "?"
		}
		c.fail(path+".preset", "there is no preset named "+strconv.Quote(b.Preset), hint)
	}
	if b.OpenMax == 0 && p.OpenMax < b.Open {
		p.OpenMax = 0 // an own open time above the preset's cap has the usual cap
	}
	b.Preset = ""
	orDefault(&b.Failures, p.Failures)
	orDefault(&b.Open, p.Open)
	orDefault(&b.OpenMax, p.OpenMax)
	orDefault(&b.Growth, p.Growth)
	orDefault(&b.Successes, p.Successes)
	orDefault(&b.MaxOpenPercent, p.MaxOpenPercent)
}

// presetOf returns the settings that a preset sets; the rest has core's defaults.
func presetOf(name string) (p BreakerSpec, ok bool) {
	switch name {
	case "", "baseline":
		return BreakerSpec{}, true
	case "gobreaker": // v2: more than 5 failures in a row, a minute open, one request tests
		return BreakerSpec{Failures: 6, Open: 60 * Second}, true
	case "envoy": // outlier detection: consecutive_5xx, base and max ejection time, max_ejection_percent
		return BreakerSpec{Failures: 5, Open: 30 * Second, Growth: 2e6, OpenMax: 300 * Second, MaxOpenPercent: 10}, true
	case "haproxy": // observe layer7, error-limit 10, on-error mark-down; rise 2 at inter 2s
		return BreakerSpec{Failures: 10, Open: 4 * Second, Successes: 2}, true
	}
	return BreakerSpec{}, false
}

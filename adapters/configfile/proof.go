package configfile

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"

	"lockstep/core"
	"lockstep/traces/promise"
)

// Breach is a setting that breaks a promise whatever happens, or as soon as
// something fails: no run is needed to know.
type Breach struct {
	Promise string
	Kind    promise.Kind
	What    string   // what is wrong, in one sentence
	Path    string   // the setting that makes it so, for Where
	Hint    string   // how to mend it
	Way     []string // how it comes about, step by step; nil where What says it all
}

// prover collects the breaches of one configuration.
type prover struct {
	*File
	c      *core.Config
	places []core.PlacementInfo
	p      *promise.Promise
	out    []Breach
}

// Breaches proves the promises from the configuration and its facts alone, in
// the order of must, then of placements. c must come from f.Compile. ServedBy,
// NoGuests, TestRequests, InFlight and HealthProbes are proved completely. Of
// Recover, FailOver and Latency it finds what a run could only confirm. The
// others need runs.
func (f *File) Breaches(c *core.Config) []Breach {
	v := &prover{File: f, c: c}
	for i := range c.Placements() {
		v.places = append(v.places, c.Placement(i))
	}
	for i := range f.Must {
		v.p = &f.Must[i]
		switch v.p.Kind {
		case promise.ServedBy:
			v.residency()
		case promise.HealthProbes:
			v.healthProbes()
		default:
			for n := range v.places {
				v.placement(&v.places[n])
			}
		}
	}
	return v.out
}

// Broken shows the promises that f breaks, where they are broken. c must come from f.Compile.
func (f *File) Broken(c *core.Config) (out Problems) {
	for _, b := range f.Breaches(c) {
		at, _ := f.place(b.Path)
		out = append(out, at.problem("must "+b.Promise+": "+b.What, b.Hint))
	}
	slices.SortStableFunc(out, byPlace)
	return out
}

// breach notes one; setting is below the placement.
func (v *prover) breach(p *core.PlacementInfo, setting, hint, what string, args ...any) {
	v.out = append(v.out, Breach{v.p.Name, v.p.Kind, fmt.Sprintf(what, args...), "placements." + p.Name + "." + setting, hint, nil})
}

// placement judges what one placement's own settings decide.
func (v *prover) placement(p *core.PlacementInfo) {
	routers := max(v.Facts.Routers.Max, 1)
	switch b := &p.Breaker; v.p.Kind {
	case promise.TestRequests:
		if !b.Off && b.Probes > v.p.Most {
			v.breach(p, "breaker.half_open_probes", fmt.Sprintf("write half_open_probes: %d", v.p.Most),
				"a half-open breaker of %s admits %d test requests at once", p.Name, b.Probes)
		}
	case promise.InFlight:
		switch {
		case p.Name != v.p.Placement:
		case p.Limit.InFlight == 0:
			v.breach(p, "limit.in_flight", fmt.Sprintf("write limit: {in_flight: %d}", max(int(v.p.Most)/routers, 1)), "%s has no limit", p.Name)
		case int64(p.Limit.InFlight)*int64(routers) > int64(v.p.Most):
			v.breach(p, "limit.in_flight", fmt.Sprintf("write in_flight: %d or less, or correct facts.routers", int(v.p.Most)/routers),
				"%s of %d in flight each are %d in %s", count(routers, "router"), p.Limit.InFlight, int64(p.Limit.InFlight)*int64(routers), p.Name)
		}
	case promise.NoGuests:
		v.noGuests(p)
	case promise.FailOver:
		v.failsOver(p)
	case promise.Recover:
		v.recovers(p)
	case promise.Latency:
		if took := v.Facts.Peak[p.Name].Latency; v.p.Region == "" && took > v.p.Latency {
			v.out = append(v.out, Breach{
				v.p.Name, v.p.Kind, fmt.Sprintf("a request of %s takes %s as the facts say, so 99%% cannot be faster than %s", p.Name, duration(took), duration(v.p.Latency)),
				"facts.peak." + p.Name + ".latency", "promise a longer time, or correct the facts", nil,
			})
		}
	}
}

// noGuests looks for placements that p, which is to take nobody else's requests, is a fallback of.
func (v *prover) noGuests(p *core.PlacementInfo) {
	if !v.p.Labelled(v.Labels[p.Name]) || p.Limit.Guests < 0 {
		return
	}
	for i := range v.places {
		q := &v.places[i]
		at := slices.IndexFunc(q.Candidates, func(c int32) bool { return v.places[c].Name == p.Name })
		if at > 0 {
			v.breach(q, fmt.Sprintf("fallback[%d]", at-1), "remove it from the fallback, or give "+p.Name+" limit: {guests: 0}",
				"%s takes the requests of %s when that is down or full", p.Name, q.Name)
		}
	}
}

// failsOver finds endpoints that are used longer than promised after they begin
// to hang: no breaker learns of it before a timeout, no health check before
// enough probes have timed out.
func (v *prover) failsOver(p *core.PlacementInfo) {
	t, h, b := &p.Timeouts, &p.Health, &p.Breaker
	byBreaker, byHealth := min(t.ResponseHeader, t.Request), max(core.Duration(h.Fall-1)*h.Every-h.Every/10, 0)+h.Timeout
	soonest, setting := byBreaker, "timeouts.response_header"
	if t.Request < t.ResponseHeader {
		setting = "timeouts.request"
	}
	switch {
	case b.Off && h.Off:
		v.breach(p, "breaker", "give it a breaker", "nothing takes a failed endpoint of %s out: it has neither breaker nor health", p.Name)
		return
	case b.Off, !h.Off && byHealth < byBreaker:
		soonest, setting = byHealth, "health.every"
	}
	if soonest > v.p.Within {
		v.breach(p, setting, "shorten it, or promise a longer time", "an endpoint of %s that hangs is noticed after %s at the soonest", p.Name, duration(soonest))
	}
	n := p.EndEP - p.FirstEP
	if open := max(1, n*int(b.MaxOpenPercent)/100); !b.Off && open < n && (h.Off || unblocked(p)) {
		v.breach(p, "breaker.max_open", "write max_open: 100%", "when all of %s fails, %d of its %d endpoints stay in use", p.Name, n-open, n)
	}
}

// unblocked reports whether health alone keeps no request from p: there is
// nowhere else to go, and what health blocks is the last resort (R3).
func unblocked(p *core.PlacementInfo) bool {
	return len(p.Candidates) == 1 && p.LastResort != core.RefuseLastResort
}

// recovers finds what keeps a placement out longer than promised once it is well.
func (v *prover) recovers(p *core.PlacementInfo) {
	if b := &p.Breaker; !b.Off {
		longest, setting := b.Open, "breaker.open"
		if b.Growth > 1_000_000 {
			longest, setting = b.OpenMax, "breaker.open_max"
		}
		if longest > v.p.Within {
			v.breach(p, setting, "shorten it, or promise a longer time", "a breaker of %s that opens just before its endpoint is well stays open for %s", p.Name, duration(longest))
		}
	}
	if h := &p.Health; !h.Off && !unblocked(p) {
		if rise := core.Duration(h.Rise)*h.Every - h.Every/10; rise > v.p.Within {
			v.breach(p, "health.every", "shorten it, or promise a longer time", "endpoints of %s that are well again stay unhealthy for %s or more: %s of health.every",
				p.Name, duration(rise), count(int(h.Rise), "good probe"))
		}
	}
}

// healthProbes sums up the probes to each URL: placements may share one.
func (v *prover) healthProbes() {
	rates, often := map[string]*big.Rat{}, map[string]*core.PlacementInfo{}
	routers := int64(max(v.Facts.Routers.Max, 1))
	for i := range v.places {
		p := &v.places[i]
		for e := p.FirstEP; e < p.EndEP && !p.Health.Off; e++ {
			url := v.c.Endpoint(e).URL
			if often[url] == nil {
				rates[url], often[url] = new(big.Rat), p
			}
			rates[url].Add(rates[url], big.NewRat(routers*int64(core.Second), int64(p.Health.Every)))
			if p.Health.Every < often[url].Health.Every {
				often[url] = p
			}
		}
	}
	told, most := map[string]bool{}, big.NewRat(int64(v.p.Most), 1)
	for _, url := range slices.Sorted(maps.Keys(rates)) {
		if p := often[url]; rates[url].Cmp(most) > 0 && !told[p.Name] {
			told[p.Name] = true
			times := new(big.Rat).Quo(rates[url], most)
			rate, _ := rates[url].Float64()
			v.breach(p, "health.every", fmt.Sprintf("write health: {every: %s} or more wherever that URL is, or correct facts.routers", duration(stretched(p.Health.Every, times))),
				"%s gets %s health probes a second from %s", url, strconv.FormatFloat(rate, 'g', 3, 64), count(int(routers), "router"))
		}
	}
}

// stretched is so many times d, rounded up to a tenth of a second.
func stretched(d core.Duration, times *big.Rat) core.Duration {
	const tenth = core.Second / 10
	n := new(big.Rat).Mul(times, big.NewRat(int64(d), int64(tenth)))
	up := new(big.Int).Add(n.Num(), new(big.Int).Sub(n.Denom(), big.NewInt(1)))
	return core.Duration(up.Quo(up, n.Denom()).Int64()) * tenth
}

// Proved says which promises Breaches proves completely, and which need runs.
func (f *File) Proved() (proved, runs []string) {
	for i := range f.Must {
		switch f.Must[i].Kind {
		case promise.ServedBy, promise.NoGuests, promise.TestRequests, promise.InFlight, promise.HealthProbes:
			proved = append(proved, f.Must[i].Name)
		default:
			runs = append(runs, f.Must[i].Name)
		}
	}
	return proved, runs
}

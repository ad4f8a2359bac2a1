package explore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lockstep/core"
)

// Most that a reduced world keeps of a placement: enough to be full, over the
// cap on guests and open with the few requests there are.
const (
	mostInFlight = 2
	mostGuests   = 1
	mostFailures = 2
	mostPeers    = 2
)

// Reduce makes a small world of a configuration: home and its first fallback,
// two endpoints and one. An empty home means the first placement, by name, that
// has a fallback. What was scaled down is in cuts, in words.
func Reduce(spec *core.Spec, home string) (w *World, cuts []string, err error) {
	p, fallback, err := pair(spec, home)
	if err != nil {
		return nil, nil, err
	}
	w = &World{Name: p.Name + " and " + fallback.Name, Requests: 3, Crashes: 1}
	w.Spec = core.Spec{Version: spec.Version}
	for _, part := range []struct {
		placement *core.PlacementSpec
		endpoints int
		fallback  []string
	}{{p, mostPeers, []string{fallback.Name}}, {fallback, maxEndpoints - min(len(p.Endpoints), mostPeers), nil}} {
		small := *part.placement
		small.Fallback = part.fallback
		small.Endpoints = small.Endpoints[:min(len(small.Endpoints), part.endpoints, mostPeers)]
		if n := len(part.placement.Endpoints); n > len(small.Endpoints) {
			cuts = append(cuts, fmt.Sprintf("%s has %d of its %d endpoints", small.Name, len(small.Endpoints), n))
		}
		cuts = append(cuts, scale(&small)...)
		w.Spec.Placements = append(w.Spec.Placements, small)
	}
	return w, cuts, nil
}

// pair finds home and its first fallback, as R1 reads the configuration.
func pair(spec *core.Spec, home string) (p, fallback *core.PlacementSpec, err error) {
	byName := slices.Clone(spec.Placements)
	slices.SortFunc(byName, func(a, b core.PlacementSpec) int { return strings.Compare(a.Name, b.Name) })
	find := func(name string) *core.PlacementSpec {
		if i := slices.IndexFunc(byName, func(p core.PlacementSpec) bool { return p.Name == name }); i >= 0 {
			return &byName[i]
		}
		return nil
	}
	if home != "" && find(home) == nil {
		return nil, nil, fmt.Errorf("no placement is named %q", home)
	}
	for i := range byName {
		p := &byName[i]
		if home != "" && p.Name != home {
			continue
		}
		list := p.Fallback
		if len(list) == 0 && spec.ChainFallbacks && p.Name != spec.Default {
			list = []string{spec.Default}
		}
		if len(list) > 0 {
			if f := find(list[0]); f != nil {
				return p, f, nil
			}
		}
	}
	if home != "" {
		return nil, nil, fmt.Errorf("%s has no fallback: exhaustive mode needs a placement that falls back to another", home)
	}
	return nil, nil, errors.New("no placement has a fallback: exhaustive mode needs one that falls back to another")
}

// scale lowers the settings that a few requests could never reach.
func scale(p *core.PlacementSpec) (cuts []string) {
	if what := plain(p); what != "" {
		cuts = append(cuts, p.Name+": "+what)
	}
	lower := func(key string, from, to int64) {
		if from != to {
			cuts = append(cuts, fmt.Sprintf("%s: %s is %d, not %d", p.Name, key, to, from))
		}
	}
	if p.Limit.WhenFull == core.QueueWhenFull { // its model has no waiting requests
		p.Limit.WhenFull, p.Limit.Queue, p.Limit.Wait, p.Limit.Order = core.RejectWhenFull, 0, 0, core.FIFO
		cuts = append(cuts, p.Name+": a full placement refuses, it does not queue")
	}
	if p.Retries.Max > 0 {
		p.Retries = core.RetrySpec{}
		cuts = append(cuts, p.Name+": nothing is tried again")
	}
	if was := p.Limit.InFlight; was > mostInFlight {
		p.Limit.InFlight = mostInFlight
		lower("in_flight", int64(was), mostInFlight)
	}
	if was := p.Limit.Guests; was > mostGuests {
		p.Limit.Guests = mostGuests
		lower("guests", int64(was), mostGuests)
	}
	if was := cmp.Or(p.Breaker.Failures, 5); !p.Breaker.Off && was > mostFailures {
		p.Breaker.Failures = mostFailures
		lower("breaker.failures", int64(was), mostFailures)
	}
	return cuts
}

package main

import (
	"fmt"
	"io"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/core"
)

// keyStory is where one routing key goes, and why, before any request is made.
type keyStory struct {
	Key        string              `json:"key"`
	Known      bool                `json:"known"`
	Reason     string              `json:"reason,omitempty"` // X-Route-Reason
	Refused    int                 `json:"refused,omitempty"`
	From       configfile.Position `json:"from"` // what decides its home
	Candidates []keyCandidate      `json:"candidates,omitempty"`
}

// keyCandidate is one placement that may serve the key, in the order tried.
type keyCandidate struct {
	Placement string              `json:"placement"`
	From      configfile.Position `json:"from"` // what makes it a candidate; zero: it is the home, or follows from the form
	Limit     string              `json:"limit"`
	Endpoints []string            `json:"endpoints"`
}

func explainKey(f *configfile.File, c *core.Config, key string) *keyStory {
	s := &keyStory{Key: key}
	route, ok := c.Match(key)
	if !ok {
		_, status := c.Unknown()
		s.Refused = int(status)
		s.From, _ = f.Where("unknown_key.reject")
		return s
	}
	s.Known, s.Reason = route.Reason != core.ReasonDefault, route.Reason.String()
	s.From, _ = f.Where("keys." + key)
	if !s.Known {
		s.From, _ = f.Where("default")
	}
	home := c.Placement(int(route.Placement))
	for i, p := range home.Candidates {
		q := c.Placement(int(p))
		candidate := keyCandidate{Placement: q.Name, Limit: limitText(q.Limit, i > 0)}
		if i > 0 {
			candidate.From = fallbackPosition(f, c, home, i)
		}
		for e := q.FirstEP; e < q.EndEP; e++ {
			candidate.Endpoints = append(candidate.Endpoints, endpointText(c.Endpoint(e)))
		}
		s.Candidates = append(s.Candidates, candidate)
	}
	return s
}

// fallbackPosition returns where the i-th candidate of home is named: in
// home's list, or in the baseline forms in the candidate before it or as the default.
func fallbackPosition(f *configfile.File, c *core.Config, home core.PlacementInfo, i int) configfile.Position {
	if f.Form == configfile.Native {
		at, _ := f.Where(fmt.Sprintf("placements.%s.fallback[%d]", home.Name, i-1))
		return at
	}
	before := c.Placement(int(home.Candidates[i-1])).Name
	for _, p := range f.Spec.Placements {
		if p.Name == before && len(p.Fallback) == 1 && p.Fallback[0] == c.Placement(int(home.Candidates[i])).Name {
			at, _ := f.Where("placements." + before + ".fallback[0]")
			return at
		}
	}
	at, _ := f.Where("default")
	return at
}

func endpointText(e core.EndpointInfo) string {
	s := e.URL
	if e.Name != e.URL {
		s = e.Name + " " + s
	}
	if e.Weight != 100 {
		s += fmt.Sprintf(" (%d%%)", e.Weight)
	}
	if e.Limit > 0 {
		s += fmt.Sprintf(", at most %d in flight", e.Limit)
	}
	return s
}

func limitText(l core.LimitSpec, guest bool) string {
	if l.InFlight == 0 && l.Guests == 0 {
		return "no limit"
	}
	var parts []string
	if l.InFlight > 0 {
		parts = append(parts, fmt.Sprintf("%d in flight", l.InFlight))
	}
	if guest && l.Guests != 0 {
		parts = append(parts, plural(int(max(0, l.Guests)), "guest"))
	}
	if l.WhenFull == core.FailOverWhenFull {
		parts = append(parts, "then the next")
	}
	return strings.Join(parts, ", ")
}

func (s *keyStory) print(w io.Writer) {
	if s.Refused > 0 {
		fmt.Fprintf(w, "\nkey %q is unknown: refused with %d\n", s.Key, s.Refused)
		return
	}
	what := "goes to"
	if !s.Known {
		what = "is unknown: the default is"
	}
	fmt.Fprintf(w, "\nkey %q %s %s   %s\n", s.Key, what, s.Candidates[0].Placement, s.From)
	for i, c := range s.Candidates {
		why := "home, reason " + s.Reason
		if i > 0 {
			why = "fallback, " + c.From.String()
		}
		fmt.Fprintf(w, "  %d  %s   %s; %s\n", i+1, c.Placement, why, c.Limit)
		for _, e := range c.Endpoints {
			fmt.Fprintf(w, "       %s\n", e)
		}
	}
	fmt.Fprintln(w, "  The first candidate with a usable endpoint and room serves; if none has, the answer is 503 or 429.")
}

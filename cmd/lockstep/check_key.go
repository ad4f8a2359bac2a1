package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"lockstep/adapters/configfile"
	"lockstep/adapters/routing"
	"lockstep/core"
	"lockstep/traces/say"
)

// keyStory is where one routing key goes, and why, before any request is made.
type keyStory struct {
	Key        string              `json:"key"`
	Route      string              `json:"route,omitempty"` // "" where there is one only
	Share      string              `json:"share,omitempty"` // of the key's requests that this part of a split gets
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

// explainKey tells where a key goes by each route, or by the one that flags
// name, and on each side of a split.
func explainKey(f *configfile.File, c *core.Config, flags *checkFlags) ([]*keyStory, error) {
	routes := make([]int, c.Routes())
	for i := range routes {
		routes[i] = i
	}
	if flags.host+flags.path+flags.listener != "" {
		via, ok := routing.Route(c, flags.host, cmp.Or(flags.path, "/"), flags.listener)
		if !ok {
			return nil, fmt.Errorf("no route takes a request for host %q, path %q, listener %q: it is refused with %d", flags.host, cmp.Or(flags.path, "/"), flags.listener, c.NoRouteStatus())
		}
		routes = []int{via}
	}
	var out []*keyStory
	for _, via := range routes {
		out = append(out, explainByRoute(f, c, flags.key, via)...)
	}
	return out, nil
}

func explainByRoute(f *configfile.File, c *core.Config, key string, via int) []*keyStory {
	name, r := routeName(c, via), c.RouteInfo(via)
	home, known := c.TableHome(r.Table, key)
	at := ""
	switch {
	case key == "":
		return []*keyStory{{Route: name, Refused: int(core.NoKey.Row().Status)}}
	case known:
		at = f.KeyPath(via, key)
	case r.Unknown < 0:
		s := &keyStory{Key: key, Route: name, Refused: int(r.Status)}
		s.From, _ = f.Where(routePath(via, "unknown_key.reject"))
		return []*keyStory{s}
	default:
		home, at = r.Unknown, routePath(via, "unknown_key.to")
	}
	from, _ := f.Where(at)
	parts := []core.Part{{Placement: home, Share: 1_000_000}}
	if home < 0 {
		parts = c.Split(^home)
	}
	var out []*keyStory
	for _, p := range parts {
		s := &keyStory{Key: key, Route: name, Known: known, From: from, Reason: core.ReasonDefault.String()}
		if known {
			s.Reason = c.Placement(p.Placement).Kind.String()
		}
		if home < 0 {
			s.Share = core.Percent(p.Share)
		}
		s.candidates(f, c, p.Placement)
		out = append(out, s)
	}
	return out
}

// routePath is a setting of a route in the names that Where takes.
func routePath(via int, setting string) string { return configfile.RoutePath(via, setting) }

// routeName is what the configuration calls a route, "" where it has one only.
func routeName(c *core.Config, via int) string {
	if s, err := routing.Settings(c); err == nil && s != nil && via < len(s.Routes) {
		return s.Routes[via].Name
	}
	if c.Routes() > 1 {
		return fmt.Sprint(via)
	}
	return ""
}

func (s *keyStory) candidates(f *configfile.File, c *core.Config, placement int) {
	home := c.Placement(placement)
	for i, p := range home.Candidates {
		q := c.Placement(int(p))
		candidate := keyCandidate{Placement: q.Name, Limit: limitText(q.Limit, i > 0)}
		if i > 0 {
			candidate.From = f.FallbackAt(c, home, i)
		}
		for e := q.FirstEP; e < q.EndEP; e++ {
			candidate.Endpoints = append(candidate.Endpoints, endpointText(c.Endpoint(e)))
		}
		s.Candidates = append(s.Candidates, candidate)
	}
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
		parts = append(parts, say.Plural(int(max(0, l.Guests)), "guest"))
	}
	switch {
	case l.WhenFull == core.FailOverWhenFull || l.WhenFull == core.QueueWhenFull && guest:
		parts = append(parts, "then the next")
	case l.WhenFull == core.QueueWhenFull:
		parts = append(parts, fmt.Sprintf("then %d may wait", l.Queue))
	}
	return strings.Join(parts, ", ")
}

func (s *keyStory) print(w io.Writer) {
	key := fmt.Sprintf("key %q", s.Key)
	if s.Route != "" {
		key += " by route " + s.Route
	}
	if s.Refused > 0 {
		fmt.Fprintf(w, "\n%s is unknown: refused with %d\n", key, s.Refused)
		return
	}
	what := "goes to"
	switch {
	case !s.Known:
		what = "is unknown: the default is"
	case s.Share != "":
		what = "is split: " + s.Share + " goes to"
	}
	fmt.Fprintf(w, "\n%s %s %s   %s\n", key, what, s.Candidates[0].Placement, s.From)
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
